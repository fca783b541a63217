package cluster

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

const (
	// beatEvery is how often a node gives a sign of life, and soonest how soon after another.
	beatEvery, soonest = 3 * time.Second, 300 * time.Millisecond
	// goneAfter is how long a node's counter may stand still, on one's own clock.
	goneAfter = 10 * time.Second
	// readNodesEvery is how often the map is read, about: together with goneAfter it makes 12 s at most.
	readNodesEvery = 1500 * time.Millisecond
	// judgeEvery is how often the time of the silent ones is looked at.
	judgeEvery = 250 * time.Millisecond
	// unseen is after how long without a look nobody can be called silent.
	unseen = 4 * time.Second
	// rememberGone is how long Nodes tells of those that are gone.
	rememberGone = 10 * time.Minute
	// nodeKept is how long the map keeps a node that does not write.
	nodeKept = 30 * time.Second
	// left is the counter of a node's last sign of life.
	left = -1
)

// peer is what this node knows of another, or of itself.
type peer struct {
	Node
	counter  int64
	revision int64     // of its presence
	moved    time.Time // when counter did
	clock    clock
}

// nodes is who is in the cluster. Each writes itself into the map and onto the topic; each judges the others by its own
// clock: expiry and the clocks of others do not matter.
type nodes struct {
	h    *Hazelcast
	bell chan struct{} // size 1: give a sign of life soon
	news atomic.Bool   // the next sign of life on the topic says what the map says

	mu    sync.Mutex
	known map[string]*peer // by incarnation; guarded by mu
	first time.Time        // when the map was read first; guarded by mu
	read  time.Time        // when it was last; guarded by mu
}

func newNodes(h *Hazelcast) *nodes {
	self := &peer{Node: Node{Name: h.node, Incarnation: h.incarnation, Self: true, Seen: time.Now()}}
	return &nodes{h: h, bell: make(chan struct{}, 1), known: map[string]*peer{h.incarnation: self}}
}

// Nodes returns this node, the others, and those that are gone. A node that is alone sees all others as gone. It asks nobody:
// who calls it may hold what Options.Status would wait for.
func (n *nodes) Nodes() []Node {
	alone := n.h.messages.isAlone() // before the lock: it has its own
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]Node, 0, len(n.known))
	for _, p := range n.known {
		node := p.Node
		if node.Self {
			node.Seen = time.Now()
		}
		node.Gone = !p.lives(alone)
		if shift, ok := p.clock.shift(); ok {
			node.Ahead = -shift
		}
		list = append(list, node)
	}
	slices.SortFunc(list, func(a, b Node) int { return cmp.Compare(a.Incarnation, b.Incarnation) })
	return list
}

// run gives signs of life and looks for those of others until ctx ends; then it says goodbye.
func (n *nodes) run(ctx context.Context) {
	defer n.leave(ctx)
	judge := time.NewTicker(judgeEvery)
	defer judge.Stop()
	beat, read := time.NewTimer(0), time.NewTimer(0)
	defer beat.Stop()
	defer read.Stop()
	var counter int64
	var last time.Time
	for {
		select {
		case <-n.bell:
			beat.Reset(max(0, soonest-time.Since(last)))
		case <-beat.C:
			counter++
			last = time.Now()
			n.beat(ctx, counter)
			beat.Reset(beatEvery)
		case <-read.C:
			n.readAll(ctx)
			read.Reset(readNodesEvery + rand.N(readNodesEvery/10) - readNodesEvery/10) // #nosec G404 -- spreads load
		case <-judge.C:
			n.judge(time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// Announce has the others told soon.
func (n *nodes) Announce() {
	n.news.Store(true)
	ring(n.bell)
}

// beat is one sign of life. A failure needs no care: the next one comes soon.
func (n *nodes) beat(ctx context.Context, counter int64) {
	head := func() frame {
		return newFrame().str(n.h.incarnation).int(counter).int(n.h.presence.revision.Load()).time(n.h.opts.Now())
	}
	news, status := n.news.Swap(false), n.h.opts.Status()
	begun := time.Now()
	err := n.h.do(ctx, func(ctx context.Context, l *link) error {
		return l.nodes.SetWithTTL(ctx, n.h.incarnation, append([]byte(head()), status...), nodeKept)
	})
	if err == nil {
		n.h.roundTrip.Store(int64(time.Since(begun)))
	}
	_ = n.h.do(ctx, func(ctx context.Context, l *link) error {
		beacon := []byte(head())
		if news {
			beacon = append(beacon, status...)
		}
		return l.beacons.Publish(ctx, beacon)
	})
}

// leave takes this node out at once.
func (n *nodes) leave(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	_ = n.h.do(ctx, func(ctx context.Context, l *link) error {
		if err := l.nodes.Delete(ctx, n.h.incarnation); err != nil {
			return err
		}
		bye := newFrame().str(n.h.incarnation).int(left).int(0).time(n.h.opts.Now())
		return l.beacons.Publish(ctx, []byte(bye))
	})
}

// hear takes a sign of life from the topic.
func (n *nodes) hear(e *hazelcast.MessagePublished) {
	n.sign(e.Value, false)
}

// readAll takes the signs of life that stand in the map.
func (n *nodes) readAll(ctx context.Context) {
	var values []any
	err := n.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		values, err = l.nodes.GetValues(ctx)
		return err
	})
	if err != nil {
		return
	}
	now := time.Now()
	n.mu.Lock()
	if now.Sub(n.read) > unseen {
		for _, p := range n.known {
			p.moved = now // nobody was silent while this node did not listen
		}
	}
	n.read = now
	if n.first.IsZero() {
		n.first = now
	}
	n.mu.Unlock()
	for _, value := range values {
		n.sign(value, true)
	}
	n.h.change() // what the others say of themselves
}

// sign takes one sign of life; full: with what the node says of itself.
func (n *nodes) sign(value any, full bool) {
	f := parse(value)
	incarnation, counter, revision, sent := f.str(), f.int(), f.int(), f.time()
	at := strings.LastIndexByte(incarnation, '#')
	if f.err != nil || at < 0 || incarnation == n.h.incarnation {
		return
	}
	now, wall := time.Now(), n.h.opts.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	p, known := n.known[incarnation]
	if !known {
		if counter == left {
			return
		}
		p = &peer{Node: Node{Name: incarnation[:at], Incarnation: incarnation}}
		n.known[incarnation] = p
		if full { // what stands in the map may be of a dead one: it lives when the counter moves, which the others are quick to show
			p.counter, p.revision, p.Gone, p.moved = counter, revision, true, now
		} else {
			ring(n.bell)
		}
	}
	changed, gone := !known, p.Gone
	switch {
	case p.Left: // what comes now was said before
	case counter == left:
		changed = changed || !p.Gone
		p.Gone, p.Left, p.moved = true, true, now
	case counter > p.counter:
		changed = changed || p.Gone || p.revision != revision
		p.counter, p.revision, p.Gone = counter, revision, false
		p.moved, p.Seen = now, now
	}
	if difference := wall.Sub(sent); counter != left && (!full || difference < 0) {
		p.clock.sample(now, difference) // what stood in the map may be old: it proves a clock ahead, never one behind
	}
	if status := f.bytes(); full || len(status) > 0 {
		p.Status = status
		changed = changed || !full
	}
	if p.Gone != gone {
		n.h.presence.recount()
	}
	if changed {
		ring(n.h.presence.readBell)
		n.h.change()
	}
}

// judge calls those gone that were silent for too long.
func (n *nodes) judge(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if now.Sub(n.read) > unseen {
		return
	}
	for incarnation, p := range n.known {
		silent := now.Sub(p.moved)
		if p.Self || silent < goneAfter {
			continue
		}
		if !p.Gone {
			p.Gone = true
			n.h.presence.recount()
			ring(n.h.presence.readBell)
			n.h.change()
		}
		if silent > rememberGone {
			delete(n.known, incarnation)
		}
	}
}

// shift returns what to add to a time on the clock of the incarnation to get it on this node's. sent is such a time:
// of a node that was never heard nothing else is known.
func (n *nodes) shift(incarnation string, sent time.Time) time.Duration {
	if incarnation == n.h.incarnation {
		return 0
	}
	wall := n.h.opts.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.known[incarnation]; p != nil {
		if shift, ok := p.clock.shift(); ok {
			return shift
		}
	}
	return min(0, wall.Sub(sent)) // never fresher than it is: what looks old may be older, not newer
}

// hears takes a sample of the clock of an incarnation from something that came at once.
func (n *nodes) hears(incarnation string, sent time.Time) {
	now, wall := time.Now(), n.h.opts.Now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.known[incarnation]; p != nil {
		p.clock.sample(now, wall.Sub(sent))
	}
}
