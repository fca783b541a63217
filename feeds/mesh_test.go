package feeds

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lag is how long everything takes between the nodes of a mesh.
const lag = 2 * time.Millisecond

var errLost = errors.New("no answer")

// mesh joins schedulers in memory.
type mesh struct {
	t *testing.T

	mu     sync.Mutex
	claims map[string]claimed
	kept   map[string]published
	nodes  []*meshNode
	asked  []string // all claims that were asked for, with who got them
}

type claimed struct {
	by    *meshNode
	until time.Time
}

type published struct {
	by      *meshNode
	version int64
	data    []byte
	until   time.Time // zero: it stays
}

// meshNode is a node of a mesh with its scheduler. Its fields are guarded by the mesh's mu.
type meshNode struct {
	*rig
	m    *mesh
	name string
	skew time.Duration

	wants  map[string]bool
	alone  bool // it can reach nobody
	dead   bool
	hangs  bool // nothing is answered
	fails  bool // claims fail
	unsure bool // claims are taken, and nobody learns it
	deaf   bool // what is published does not come by itself
	loses  int  // so many of what it publishes next get lost
	blind  int  // so often it does not learn next what is kept
	mute   bool // what it publishes is never answered
	sent   atomic.Int32
}

func newMesh(t *testing.T) *mesh {
	return &mesh{t: t, claims: make(map[string]claimed), kept: make(map[string]published)}
}

// join starts one more node.
func (m *mesh) join(skew time.Duration, feeds ...Feed) *meshNode {
	m.mu.Lock()
	n := &meshNode{m: m, name: fmt.Sprintf("node-%d", len(m.nodes)+1), skew: skew, wants: make(map[string]bool)}
	m.mu.Unlock()
	n.rig = startRig(m.t, Options{
		Node: n.name, Peers: n, Now: func() time.Time { return time.Now().Add(skew) },
	}, feeds...)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.nodes = append(m.nodes, n)
	return n
}

// joinAll starts nodes that all have the same feed.
func (m *mesh) joinAll(n int, f Feed) []*meshNode {
	var nodes []*meshNode
	for range n {
		nodes = append(nodes, m.join(0, f))
	}
	return nodes
}

func (m *mesh) stop() {
	for _, n := range m.nodes {
		n.stop()
	}
}

// set changes a node from outside.
func (n *meshNode) set(change func(*meshNode)) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	change(n)
}

// kill is the end of a node that says goodbye to nobody.
func (n *meshNode) kill() {
	n.set(func(n *meshNode) { n.dead = true })
	n.stop()
}

// reach waits as a call does; it fails when the node has to wait for longer than its context.
func (n *meshNode) reach(ctx context.Context) error {
	n.m.mu.Lock()
	hangs := n.hangs
	n.m.mu.Unlock()
	wait := lag
	if hangs {
		wait = time.Hour
	}
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (n *meshNode) Claim(ctx context.Context, poll string, version int64, attempt int, keep time.Duration) (bool, error) {
	if err := n.reach(ctx); err != nil {
		return false, err
	}
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if n.alone {
		return true, nil
	}
	if n.fails {
		return false, errLost
	}
	if n.dead {
		return false, errLost
	}
	name := fmt.Sprint(poll, "#", version, "#", attempt)
	c, there := n.m.claims[name]
	if !there || !time.Now().Before(c.until) {
		c = claimed{by: n, until: time.Now().Add(keep)}
		n.m.claims[name] = c
	}
	n.m.asked = append(n.m.asked, fmt.Sprint(name, " ", n.name, " ", c.by == n))
	if n.unsure {
		return false, errLost
	}
	return c.by == n, nil
}

func (n *meshNode) Want(ctx context.Context, poll string) (newest Remote, ok bool, err error) {
	n.set(func(n *meshNode) { n.wants[poll] = true })
	if err := n.reach(ctx); err != nil {
		return Remote{}, false, err
	}
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if n.blind > 0 && !n.alone {
		n.blind--
		return Remote{}, false, errLost
	}
	p, ok := n.m.kept[poll]
	if !ok || n.alone || n.dead || !p.until.IsZero() && !time.Now().Before(p.until) {
		return Remote{}, false, nil
	}
	newest = n.remote(p)
	newest.Kept = true
	return newest, true, nil
}

func (n *meshNode) remote(p published) Remote {
	return Remote{Version: p.version, Shift: n.skew - p.by.skew, Data: p.data}
}

func (n *meshNode) Unwant(poll string) {
	n.set(func(n *meshNode) { delete(n.wants, poll) })
}

func (n *meshNode) Publish(ctx context.Context, poll string, version int64, keep time.Duration, data func() []byte) error {
	if err := n.reach(ctx); err != nil {
		return err
	}
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if n.alone {
		return ErrAlone
	}
	if n.dead {
		return nil
	}
	if n.loses > 0 {
		n.loses--
		return errLost
	}
	if n.mute {
		n.m.mu.Unlock()
		<-ctx.Done()
		n.m.mu.Lock()
		return ctx.Err()
	}
	n.sent.Add(1)
	p := published{by: n, version: version, data: data()}
	if keep > 0 {
		p.until = time.Now().Add(keep)
	}
	if n.m.kept[poll].version < version {
		n.m.kept[poll] = p
	}
	for _, other := range n.m.nodes {
		if other != n && other.wants[poll] && !other.alone && !other.dead && !other.hangs && !other.deaf {
			time.AfterFunc(lag, func() {
				if err := other.Accept(poll, other.remote(p)); err != nil {
					n.m.t.Error(err)
				}
			})
		}
	}
	return nil
}

func (n *meshNode) Knows(node string) (known, alive bool) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	for _, other := range n.m.nodes {
		if other.name == node {
			return true, !other.dead && (!n.alone || other == n)
		}
	}
	return false, false
}

// claimsOf counts the claims that were asked for, and those that were given.
func (m *mesh) claimsOf() (asked, given int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.asked {
		asked++
		if c[len(c)-4:] == "true" {
			given++
		}
	}
	return asked, given
}

// polledLast returns the node that did.
func (m *mesh) polledLast(poll string) *meshNode {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.kept[poll].by
}

// watchAll has n watchers of the same on each node.
func watchAll(nodes []*meshNode, n int, sub string) (last Subscription) {
	for _, node := range nodes {
		for range n {
			last, _ = node.watch(sub)
		}
	}
	return last
}

// slowly makes a source that takes its time and counts its polls in its records.
func slowly(takes time.Duration) *fakeSource {
	src := &fakeSource{Description: wholeTable}
	src.PollFn = func(ctx context.Context, q Query) (Result, error) {
		n := src.count()
		select {
		case <-time.After(takes):
		case <-ctx.Done():
			return Result{}, ctx.Err()
		}
		rows := make([]Record, 40)
		for i := range rows {
			rows[i] = Record{
				"id": i, "value": float64(n) + float64(i)/7, "kind": []string{"even", "odd"}[i%2],
				"polls": n, "big": uint64(1)<<63 + uint64(n), "exact": int64(1)<<53 + 1, "whole": 3.0, "tiny": 1e-9, "huge": 1e20,
				"html": "<b>&\u2028", "list": []any{1, 2.5, nil, map[string]any{"x": true}}, "at": time.Now(),
			}
		}
		return Result{Records: rows}, nil
	}
	return src
}
