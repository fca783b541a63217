package cluster

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// topicBatch is how many bytes go by topic at a time: a request to the members has to stay below 14 KiB.
	topicBatch = smallMost
	// tendEvery is how often a node looks after its neighbours.
	tendEvery = time.Second
	// redialFirst and redialMost are how long a node waits before it tries a link again that it could not open.
	redialFirst, redialMost = time.Second, 30 * time.Second
)

// neighbour is another node to which something goes, or from which something came.
type neighbour struct {
	incarnation string
	topic       *outbox
	link        atomic.Pointer[direct] // nil while there is none
	life        context.Context        // ends when the node is gone
	stop        context.CancelFunc
	since       time.Time

	// Of neighbours.mu:
	address  string // where it takes links; empty: it takes none, or is not heard of
	wanted   bool   // something went by topic, or came so
	dialling bool
	pause    time.Duration // before the next try
	next     time.Time     // not before
}

// neighbours are the nodes that this one talks to.
type neighbours struct {
	far  *far
	bell chan struct{}   // size 1: a link is wanted
	life context.Context // ends with the node's part in the cluster
	stop context.CancelFunc
	used *used // challenges

	mu      sync.Mutex
	known   map[string]*neighbour // by incarnation; guarded by mu
	ended   bool                  // guarded by mu
	running sync.WaitGroup        // Add is guarded by mu
}

func newNeighbours(f *far) *neighbours {
	n := &neighbours{far: f, bell: make(chan struct{}, 1), known: make(map[string]*neighbour), used: newUsed()}
	n.life, n.stop = context.WithCancel(context.Background())
	return n
}

// start runs something in the background, unless the end has come.
func (n *neighbours) start(what func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.ended {
		n.running.Go(what)
	}
}

// enter is start for what runs in a goroutine of its own. The caller must call leave when entered.
func (n *neighbours) enter() (leave func(), entered bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ended {
		return nil, false
	}
	n.running.Add(1)
	return n.running.Done, true
}

// of returns the neighbour of an incarnation, and makes him one.
func (n *neighbours) of(incarnation string) *neighbour {
	n.mu.Lock()
	defer n.mu.Unlock()
	if b := n.known[incarnation]; b != nil {
		return b
	}
	b := &neighbour{incarnation: incarnation, since: time.Now()}
	b.life, b.stop = context.WithCancel(n.life)
	b.topic = newOutbox(b.life.Done())
	n.known[incarnation] = b
	if !n.ended {
		n.running.Go(func() { n.publish(b) })
	}
	return b
}

// publish sends what waits in the neighbour's topic outbox. What a member did not take is gone: its sender hears of nothing, and tries
// now and then.
func (n *neighbours) publish(b *neighbour) {
	h := n.far.h
	address := h.opts.Address
	if h.opts.Secret == "" {
		address = ""
	}
	_ = b.topic.pump(b.life, newBatch(h.incarnation, address), topicBatch, func(batch []byte) error {
		_ = h.do(b.life, func(ctx context.Context, l *link) error {
			t, err := l.small.GetTopic(ctx, topicFor(b.incarnation))
			if err != nil {
				return err
			}
			return t.Publish(ctx, batch)
		})
		return nil
	})
}

// wayTo is how parcels get to another node now, and the link where it is one.
func (n *neighbours) wayTo(incarnation string) (way, *direct) {
	if l := n.of(incarnation).link.Load(); l != nil {
		return byLink, l
	}
	if n.far.h.link.Load() != nil {
		return byTopic, nil
	}
	return nowhere, nil
}

// send sends a parcel, or returns false when there is no room until limit says so.
func (n *neighbours) send(w way, p parcel, limit <-chan time.Time) bool {
	b := n.of(p.to.incarnation)
	if l := b.link.Load(); w == byLink && l != nil {
		return l.put(p, limit)
	}
	n.want(b)
	return b.topic.put(p, limit)
}

// met notes where a node takes links that was heard by topic.
func (n *neighbours) met(incarnation, address string) {
	b := n.of(incarnation)
	n.mu.Lock()
	b.address = address
	n.mu.Unlock()
	n.want(b)
}

// want has a link opened.
func (n *neighbours) want(b *neighbour) {
	n.mu.Lock()
	first := !b.wanted && b.address != ""
	b.wanted = b.wanted || first
	n.mu.Unlock()
	if first {
		ring(n.bell)
	}
}

// links is how many there are.
func (n *neighbours) links() (open int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.known {
		if b.link.Load() != nil {
			open++
		}
	}
	return open
}

// tend opens links that are wanted and forgets nodes that are gone, until ctx ends. Then it ends all of it.
func (n *neighbours) tend(ctx context.Context) {
	defer n.end()
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			n.forget()
		case <-n.bell:
		case <-ctx.Done():
			return
		}
		for _, b := range n.toDial(time.Now()) {
			n.start(func() { n.dial(b) }) //nolint:contextcheck // it has the life of the neighbour
		}
	}
}

// end ends everything that runs.
func (n *neighbours) end() {
	n.stop()
	n.mu.Lock()
	n.ended = true
	n.mu.Unlock()
	n.running.Wait()
}

// toDial are those to open a link to now.
func (n *neighbours) toDial(now time.Time) (list []*neighbour) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, b := range n.known {
		if b.wanted && !b.dialling && b.link.Load() == nil && !now.Before(b.next) && n.dials(b) {
			b.dialling = true
			list = append(list, b)
		}
	}
	return list
}

// dials says which of two nodes opens the link: who can, and of two that can, one.
func (n *neighbours) dials(b *neighbour) bool {
	own := n.far.h.opts
	switch {
	case own.Secret == "" || b.address == "":
		return false
	case own.Address == "":
		return true
	}
	return n.far.h.incarnation < b.incarnation
}

// forget lets go of nodes that are gone, and of the ends there. Their topics stay, as names: one that only stood still hears its own
// when it goes on.
func (n *neighbours) forget() {
	n.mu.Lock()
	known := slices.Collect(maps.Values(n.known))
	n.mu.Unlock()
	for _, b := range known {
		if !n.gone(b) {
			continue
		}
		b.stop()
		n.mu.Lock()
		delete(n.known, b.incarnation)
		n.mu.Unlock()
		for _, r := range n.far.relay.all() {
			r.forget(b.incarnation)
		}
	}
}

// gone says whether a neighbour is to be forgotten: also who is in the map, and was never heard.
func (n *neighbours) gone(b *neighbour) bool {
	nodes := n.far.h.nodes
	return nodes.gone(b.incarnation) || nodes.unheard(b.incarnation) && b.link.Load() == nil && time.Since(b.since) > goneAfter
}
