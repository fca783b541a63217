package cluster

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

const (
	// checkEvery is how often a node looks whether its registrations stand in the map as they should.
	checkEvery = 10 * time.Second
	// keysAtOnce is how many ends are looked up at a time.
	keysAtOnce = 200
	// answerTrip is how long an answer may be under way beside AnswerWithin.
	answerTrip = 250 * time.Millisecond
	// greetWithin is how long the other end may take to learn of a newcomer.
	greetWithin = 300 * time.Millisecond
	// rounds is how often a newcomer tries before whoever was faster has the end.
	rounds = 3
)

// far is the other nodes as the relay knows them: who has which end stands in the map channels, and each node has a topic of its own for
// what is for it.
type far struct {
	h       *Hazelcast
	relay   *relay
	recheck chan struct{} // size 1: look whether all stands in the map
	seeks   chan struct{} // size 1: somebody is looked for
	hears   chan struct{} // size 1: full while somebody begins to hear the topic
	heard   *link         // over which the topic is heard; whoever filled hears has it
	*neighbours
	asks *asks

	mu      sync.Mutex
	sought  map[*Registration]struct{} // guarded by mu
	asked   map[int64]question         // by reference; guarded by mu
	lastAsk atomic.Int64
}

func newFar(h *Hazelcast, y *relay) *far {
	f := &far{
		h: h, relay: y, recheck: make(chan struct{}, 1), seeks: make(chan struct{}, 1), hears: make(chan struct{}, 1),
		sought: make(map[*Registration]struct{}), asked: make(map[int64]question),
	}
	f.neighbours, f.asks = newNeighbours(f), newAsks(f)
	return f
}

// question is what this node waits for an answer to. Numbers of frames look like references, so an answer has to name both ends.
type question struct {
	by, to seat
	answer chan<- bool
}

func topicFor(incarnation string) string { return "channels-" + incarnation }

// run keeps the map as it should be until ctx ends; then it ends the registrations of this node.
func (f *far) run(ctx context.Context) {
	defer f.leave(ctx)
	tick := time.NewTicker(checkEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-f.recheck:
		case <-ctx.Done():
			return
		}
		f.check(ctx)
	}
}

// leave gives up what this node has.
func (f *far) leave(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	names := make(map[string]struct{})
	held := make(map[string]*Registration)
	for _, r := range f.relay.all() {
		names[r.end.String()], held[r.end.String()] = struct{}{}, r
	}
	f.relay.end()
	eachOf(names, func(key string) error { return f.free(ctx, held[key]) })
	f.hears <- struct{}{}
	if f.heard != nil {
		_ = f.h.do(ctx, f.destroy) // else the name of a topic stays
	}
	<-f.hears
}

// destroy takes this node's topic away.
func (f *far) destroy(ctx context.Context, l *link) error {
	t, err := l.small.GetTopic(ctx, topicFor(f.h.incarnation))
	if err != nil {
		return err
	}
	return t.Destroy(ctx)
}

// listen begins to hear this node's topic, if it is not heard yet: before anybody can find one of its ends.
func (f *far) listen(ctx context.Context) error {
	select {
	case f.hears <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-f.hears }()
	return f.h.do(ctx, func(ctx context.Context, l *link) error {
		if l == f.heard {
			return nil
		}
		t, err := l.small.GetTopic(ctx, topicFor(f.h.incarnation))
		if err == nil {
			err = l.hear(ctx, t, f.hear)
		}
		if err == nil {
			f.heard = l
		}
		return err
	})
}

// hear takes what came by topic. Nothing in it blocks.
func (f *far) hear(m *hazelcast.MessagePublished) {
	if b, err := parseBatch(m.Value, f.h.incarnation); err == nil && b.incarnation != f.h.incarnation {
		f.met(b.incarnation, b.address)
		f.deliver(b)
	}
}

func (f *far) deliver(b batch) {
	for _, p := range b.parcels {
		f.relay.deliver(p)
	}
}

// claim makes r the holder of its end in the map. ErrTaken: somebody else is, and answers. Without an answer of the map it gives way to
// nobody: check comes back to it.
func (f *far) claim(ctx context.Context, r *Registration) error {
	if f.listen(ctx) != nil {
		return nil
	}
	for range rounds {
		holder, err := f.put(ctx, r)
		if err != nil || holder == r.seat() || holder == (seat{}) {
			select {
			case <-r.over: // meanwhile
				f.release(r)
			default:
			}
			return ctx.Err()
		}
		if f.answers(ctx, r, holder) {
			return ErrTaken
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := f.oust(ctx, r, holder); err != nil {
			return nil
		}
	}
	return ErrTaken
}

// answers asks the client of a holder. Who is known to have gone is not asked.
func (f *far) answers(ctx context.Context, r *Registration, holder seat) bool {
	if holder.incarnation == f.h.incarnation {
		other := f.relay.at(holder.number)
		return other != nil && other != r && other.answers(ctx)
	}
	if f.h.nodes.gone(holder.incarnation) {
		return false
	}
	return f.ask(ctx, parcel{kind: kindAsk, to: holder, from: r.seat()}, AnswerWithin+answerTrip)
}

// ask sends a question to another node and returns whether the answer was yes; none in time is no.
func (f *far) ask(ctx context.Context, p parcel, within time.Duration) bool {
	answer := make(chan bool, 1)
	p.n = f.lastAsk.Add(1)
	f.mu.Lock()
	f.asked[p.n] = question{by: p.from, to: p.to, answer: answer}
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		delete(f.asked, p.n)
		f.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	f.relay.tell(p)
	select {
	case yes := <-answer:
		return yes
	case <-ctx.Done():
		return false
	}
}

// answered takes the answer to a question, and says whether it was one.
func (f *far) answered(p parcel) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	q, found := f.asked[p.n]
	if !found || q.by != p.to || q.to != p.from {
		return false
	}
	select {
	case q.answer <- p.kind == kindAnswers:
	default: // it has one
	}
	return true
}

// answer asks the client of r for somebody on another node.
func (f *far) answer(r *Registration, p parcel) {
	f.start(func() {
		if r.answers(f.life) {
			f.relay.tell(parcel{kind: kindAnswers, to: p.from, from: p.to, n: p.n})
		}
	})
}

// check has everything that is registered here stand in the map. Who finds another holder there, who answers, has lost his end: after a
// split the map says who won.
func (f *far) check(ctx context.Context) {
	held := make(map[string]*Registration)
	for _, r := range f.relay.all() {
		held[r.end.String()] = r
	}
	if len(held) == 0 && f.h.opts.Answer == nil {
		return
	}
	if f.listen(ctx) != nil || len(held) == 0 {
		return
	}
	unsure := make(map[string]struct{})
	for keys := range slices.Chunk(slices.Collect(maps.Keys(held)), keysAtOnce) {
		stands, err := f.lookUp(ctx, keys)
		if err != nil {
			return // the next round does it
		}
		for _, key := range keys {
			if stands[key] != held[key].seat() {
				unsure[key] = struct{}{}
			}
		}
	}
	eachOf(unsure, func(key string) error {
		if err := f.claim(ctx, held[key]); errors.Is(err, ErrTaken) {
			held[key].finish(ErrReplaced)
		}
		return ctx.Err()
	})
	for key := range unsure {
		f.seek(held[key]) // the other end may have come elsewhere meanwhile
	}
}
