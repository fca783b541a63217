package cluster

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// relay passes frames between the ends of channels. It knows those of this node; the others are far away.
type relay struct {
	self    string // incarnation
	far     *far   // nil: there are no other nodes
	traffic counters

	mu            sync.Mutex
	registrations map[int64]*Registration // by number; guarded by mu
	ends          map[End]*Registration   // guarded by mu
	last          int64                   // number given; guarded by mu
}

func newRelay(self string) *relay {
	return &relay{self: self, registrations: make(map[int64]*Registration), ends: make(map[End]*Registration)}
}

// Register takes an end of a channel. When somebody has it, here or on another node, and his ping returns nil within
// [AnswerWithin], that is ErrTaken; else his registration ends with ErrReplaced. ping is called by any goroutine and asks the client
// of this registration for a sign of life.
func (y *relay) Register(ctx context.Context, end End, ping func(context.Context) error) (*Registration, error) {
	r := &Registration{
		relay: y, end: end, ping: ping,
		moved: make(chan struct{}, 1), came: make(chan struct{}, 1), over: make(chan struct{}),
	}
	r.expiry = time.AfterFunc(ChannelLife, func() { r.finish(ErrExpired) })
	for {
		holder := y.enter(r)
		if holder == nil {
			break
		}
		answers := holder.answers(ctx)
		if err := ctx.Err(); err != nil || answers {
			r.expiry.Stop()
			if answers {
				err = ErrTaken
			}
			return nil, err
		}
		holder.finish(ErrReplaced)
	}
	if y.far != nil {
		if err := y.far.claim(ctx, r); err != nil { // else it is written later
			r.Close()
			return nil, err
		}
	}
	r.seated.Store(true)
	y.greet(ctx, r)
	return r, nil
}

// greet has both ends know of each other before the client of r is told that it is connected.
func (y *relay) greet(ctx context.Context, r *Registration) {
	if !r.searches() { // it has been found meanwhile
		return
	}
	other := y.other(r)
	switch {
	case other != nil:
		r.found(other.seat())
		other.found(r.seat())
	case y.far != nil:
		y.far.greet(ctx, r)
	default:
		r.found(seat{})
	}
}

// other is who has the other end on this node. A newcomer may still be refused.
func (y *relay) other(r *Registration) *Registration {
	y.mu.Lock()
	defer y.mu.Unlock()
	if other := y.ends[r.end.Other()]; other != nil && other.seated.Load() {
		return other
	}
	return nil
}

// enter makes r the holder of its end, unless there is one, who is returned.
func (y *relay) enter(r *Registration) *Registration {
	y.mu.Lock()
	defer y.mu.Unlock()
	if holder := y.ends[r.end]; holder != nil {
		return holder
	}
	y.last++
	r.number = y.last
	y.ends[r.end], y.registrations[r.number] = r, r
	return nil
}

// answers asks the client behind the registration. Whose frames are held up cannot answer; it was just heard.
func (r *Registration) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, AnswerWithin)
	defer cancel()
	return r.ping(ctx) == nil || r.sending.Load() > 0
}

// remove takes out what has ended.
func (y *relay) remove(r *Registration) {
	y.mu.Lock()
	defer y.mu.Unlock()
	delete(y.registrations, r.number)
	if y.ends[r.end] == r {
		delete(y.ends, r.end)
	}
}

// release tells the cluster that the end is free.
func (y *relay) release(r *Registration) {
	if y.far != nil {
		y.far.release(r)
	}
}

// end ends all registrations.
func (y *relay) end() {
	for _, r := range y.all() {
		r.finish(ErrReleased)
	}
}

func (y *relay) all() []*Registration {
	y.mu.Lock()
	defer y.mu.Unlock()
	list := make([]*Registration, 0, len(y.registrations))
	for _, r := range y.registrations {
		list = append(list, r)
	}
	return list
}

func (y *relay) at(number int64) *Registration {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.registrations[number]
}

// seek looks for the other end and has r told.
func (y *relay) seek(r *Registration) {
	other := y.other(r)
	switch {
	case other != nil:
		r.found(other.seat())
		other.found(r.seat())
	case y.far != nil:
		y.far.seek(r)
	default:
		r.found(seat{})
	}
}

// wayTo is how frames get to another incarnation now, and the link where it is one.
func (y *relay) wayTo(incarnation string) (way, *direct) {
	switch {
	case incarnation == y.self:
		return inside, nil
	case y.far != nil:
		return y.far.wayTo(incarnation)
	}
	return nowhere, nil
}

// pass sends a frame and counts it. It waits for room until limit says so, and returns false when there was none.
func (y *relay) pass(w way, p parcel, limit <-chan time.Time) bool {
	if w == inside {
		y.traffic.passed[w].Add(1)
		y.deliver(p)
		return true
	}
	if !y.far.send(w, p, limit) {
		y.traffic.drop(stuck)
		return false
	}
	y.traffic.passed[w].Add(1)
	return true
}

// tell sends anything but a frame, at once or not at all.
func (y *relay) tell(p parcel) {
	switch w, _ := y.wayTo(p.to.incarnation); w {
	case nowhere:
	case inside:
		y.deliver(p)
	default:
		y.far.send(w, p, nil)
	}
}

// deliver takes a parcel for a registration of this node. It does not block.
func (y *relay) deliver(p parcel) {
	if p.kind == kindQuestion || p.kind == kindPart {
		if y.far != nil {
			y.far.asks.hear(p)
		}
		return
	}
	if p.kind == kindAnswers || p.kind == kindMissing {
		if y.far != nil && y.far.answered(p) {
			return
		}
	}
	r := y.at(p.to.number)
	switch {
	case r == nil && p.kind == kindFrame:
		y.traffic.drop(absent)
		fallthrough
	case r == nil && p.kind == kindAsk:
		y.tell(parcel{kind: kindMissing, to: p.from, from: p.to, n: p.n})
	case r == nil:
	case p.kind == kindFrame:
		if r.accept(p) {
			y.seek(r)
		}
	case p.kind == kindTaken:
		r.acked(p.from, p.n)
	case p.kind == kindHere:
		r.found(p.from)
		if p.n != 0 {
			y.tell(parcel{kind: kindAnswers, to: p.from, from: p.to, n: p.n})
		}
	case p.kind == kindMissing:
		r.missed(p.from)
	case p.kind == kindReplaced:
		r.finish(ErrReplaced)
	case p.kind == kindAsk:
		y.far.answer(r, p)
	}
}

// Traffic is what has gone through the channels of a node since it started.
type Traffic struct {
	Open    int               // ends that are registered here
	Links   int               // to other nodes
	Passed  map[string]uint64 // frames by way: local, link, topic
	Dropped map[string]uint64 // frames by reason: absent, behind, stuck, late, lost
}

// Relayed returns what has gone through the channels so far.
func (y *relay) Relayed() Traffic {
	t := Traffic{Passed: make(map[string]uint64), Dropped: make(map[string]uint64)}
	y.mu.Lock()
	t.Open = len(y.registrations)
	y.mu.Unlock()
	if y.far != nil {
		t.Links = y.far.links()
	}
	for w, name := range map[way]string{inside: "local", byLink: "link", byTopic: "topic"} {
		t.Passed[name] = y.traffic.passed[w].Load()
	}
	for v, name := range map[verdict]string{absent: "absent", behind: "behind", stuck: "stuck", late: "late", lost: "lost"} {
		t.Dropped[name] = y.traffic.dropped[v].Load()
	}
	return t
}

// counters count frames.
type counters struct {
	passed  [ways]atomic.Uint64
	dropped [verdicts]atomic.Uint64
}

func (c *counters) drop(why verdict) { c.dropped[why].Add(1) }

func (c *counters) miss(n int64) {
	if n > 0 {
		c.dropped[lost].Add(uint64(n))
	}
}
