package cluster

import "time"

// way is how frames get to another end.
type way int

const (
	nowhere way = iota
	inside      // in this process
	byLink      // over a link to its node
	byTopic     // over the topic of its node
	ways
)

// verdict is what becomes of a frame.
type verdict int

const (
	pass verdict = iota
	try          // pass without waiting for anything
	hold
	search
	absent   // dropped: there is no other end
	behind   // dropped: the other end has MaxBehind to take
	stuck    // dropped: its node cannot be reached
	late     // dropped on arrival: not above the last number
	lost     // missing on arrival
	verdicts // how many there are
)

// outward is what a registration knows of the way to the other end.
type outward struct {
	to     seat      // the other end, or where it was last
	known  bool      // it is there, as far as this node knows
	asked  bool      // it is being looked for
	sought time.Time // when it was looked for last
	way    way       // of the last frame
	link   *direct   // by which it went
	sent   int64     // number of the last frame
	taken  int64     // of the last one that was taken there
	slow   bool      // it took nothing, or the way to it, for patience
	probe  time.Time // when the next frame may try
}

// next decides on a frame, and with pass gives it its number. waited: patience is at its end.
func (r *Registration) next(waited bool) (verdict, way, parcel) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	o := &r.out
	if !o.known {
		return o.find(now, waited), nowhere, parcel{}
	}
	way, link := r.relay.wayTo(o.to.incarnation)
	if way == nowhere {
		return stuck, way, parcel{}
	}
	room := int64(MaxBehind)
	switch {
	case o.link != nil && o.link != link: // what was in a link that broke is not waited for
		o.taken, o.slow = o.sent, false
	case o.way == byTopic && way == byLink: // what comes by link would overtake
		room = 1
	}
	verdict := pass
	switch full := o.sent-o.taken >= room; {
	case full && room == 1 && waited: // those are lost, or late
	case o.slow && now.Before(o.probe):
		return behind, way, parcel{}
	case o.slow || full && waited: // to see whether it takes it
		o.slow, o.probe, verdict = true, now.Add(tryAgain), try
	case full:
		return hold, way, parcel{}
	}
	o.way, o.link = way, link
	o.sent++
	return verdict, way, parcel{kind: kindFrame, to: o.to, from: r.seat(), n: o.sent}
}

// find decides on a frame without another end.
func (o *outward) find(now time.Time, waited bool) verdict {
	switch {
	case o.asked && !waited && now.Sub(o.sought) < seekPatience:
		return hold
	case o.doubts(now):
		return search
	}
	return absent
}

// searches says whether the other end is to be looked for though no frame waits for it.
func (r *Registration) searches() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.out.known && r.out.doubts(time.Now())
}

// found takes what a search gave; none is the zero seat.
func (r *Registration) found(at seat) {
	r.mu.Lock()
	r.out.asked = false
	if at != (seat{}) {
		r.out.meet(at)
	}
	r.mu.Unlock()
	ring(r.moved)
}

// meet says where the other end is. Numbers go on: an end that is found again has seen those before.
func (o *outward) meet(at seat) {
	if at != o.to {
		if at.before(o.to) {
			return
		}
		o.to, o.way, o.link = at, nowhere, nil
		o.known = false
	}
	if !o.known { // nothing is under way to it
		o.known, o.taken, o.slow = true, o.sent, false
	}
}

// doubts says whether the other end is to be looked for again.
func (o *outward) doubts(now time.Time) bool {
	if o.asked || now.Sub(o.sought) < seekAgain {
		return false
	}
	o.asked, o.sought = true, now
	return true
}

// acked says that the other end has taken all up to n.
func (r *Registration) acked(by seat, n int64) {
	r.mu.Lock()
	if o := &r.out; by == o.to && n > o.taken && n <= o.sent {
		o.taken, o.slow = n, false
	}
	r.mu.Unlock()
	ring(r.moved)
}

// clogged says that the frame which got the last number found no room on its way.
func (r *Registration) clogged() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out.sent--
	r.out.slow, r.out.probe = true, time.Now().Add(tryAgain)
}

// missed says that the other end is not there any more; it is looked for with the next frame.
func (r *Registration) missed(at seat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out.to == at {
		r.out.known = false
	}
}

// nudge has a frame that waits look again how it gets to a node.
func (r *Registration) nudge(incarnation string) {
	r.mu.Lock()
	there := r.out.to.incarnation == incarnation
	r.mu.Unlock()
	if there {
		ring(r.moved)
	}
}

// forget is missed for all that is on a node.
func (r *Registration) forget(incarnation string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out.to.incarnation == incarnation {
		r.out.known = false
	}
}

// inward is what has come from the other end.
type inward struct {
	from   seat  // who sent last
	former seat  // who did before him
	last   int64 // number of the last frame from there
	queue  [][]byte
	given  int64 // number of the last frame that Receive returned
	told   int64 // number of the last one that the sender was told of as taken
}

// accept takes a frame that came for this end, and says whether it is unsure who the other end is. It does not block.
func (r *Registration) accept(p parcel) (unsure bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why != nil {
		r.relay.traffic.drop(absent)
		return false
	}
	in := &r.in
	if p.from != in.from {
		if p.from != r.out.to && (p.from == in.former || p.from.before(in.from)) {
			r.relay.traffic.drop(late)
			return r.out.doubts(time.Now()) // after a split the one before may have won
		}
		// What waits of the one before is still good.
		in.former, in.from, in.last, in.given, in.told = in.from, p.from, p.n-1, p.n-1, p.n-1
		r.out.meet(p.from)
	}
	if p.n <= in.last {
		r.relay.traffic.drop(late)
		return false
	}
	r.relay.traffic.miss(p.n - in.last - 1)
	in.last = p.n
	if len(in.queue) >= MaxBehind {
		r.relay.traffic.drop(behind)
		return false
	}
	in.queue = append(in.queue, p.body)
	ring(r.came)
	return false
}

// take returns the frames that wait, and what the sender is to be told of those before.
func (r *Registration) take() (frames [][]byte, ack *parcel, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.why != nil {
		return nil, nil, r.why
	}
	in := &r.in
	if len(in.queue) == 0 {
		in.given = in.last // what was dropped for being too much is done with, too
	}
	if in.given > in.told {
		in.told = in.given
		ack = &parcel{kind: kindTaken, to: in.from, from: r.seat(), n: in.told}
	}
	frames, in.queue = in.queue, nil
	if len(frames) > 0 {
		in.given = in.last
	}
	return frames, ack, nil
}
