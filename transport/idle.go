package transport

import (
	"slices"
	"time"
)

// mostTurn is how many sessions a shard asks under one lock: as many as stay in the caches until their turns are passed on.
const mostTurn = 16

// turn is what a shard is at: some sessions and what each is to be told. Its memory is used again and again.
type turn struct {
	list   []delivery
	joined [codings]joined
	beat   *event // the newest heartbeat
	at     Position
	beats  []*stream // of which a look takes care
	counts [len(Kinds)]struct{ events, bytes int }
}

// delivery is what one session is told.
type delivery struct {
	s     *Session
	batch Batch
	beat  bool // a heartbeat if nothing else
	more  bool
	err   error
}

// joined is several events as one piece, for the next session that is told the same.
type joined struct {
	events []*event
	bytes  []byte
}

func newTurn() turn { return turn{list: make([]delivery, 0, mostTurn)} }

// serve tells some of those for whom there may be something, and reports whether there were any.
func (sh *shard) serve() bool {
	t := &sh.turn
	sh.takeTurn()
	if len(t.list) == 0 {
		t.joined = [codings]joined{} // nobody may need it for long
		return false
	}
	at := time.Since(sh.hub.born)
	for i := range t.list {
		sh.try(&t.list[i], at)
	}
	t.beat = nil
	sh.endTurn()
	return true
}

// takeTurn asks the sessions what is newer.
func (sh *shard) takeTurn() {
	t, h := &sh.turn, sh.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.mark()
	for len(t.list) < mostTurn {
		s := sh.nextDue()
		if s == nil {
			return
		}
		s.state = trying
		t.list = t.list[:len(t.list)+1]
		d := &t.list[len(t.list)-1]
		d.s, d.beat, d.more, d.err = s, s.beat, false, nil
		s.beat = false
		s.take(&d.batch)
	}
}

// try gives one session's socket what is new.
func (sh *shard) try(d *delivery, at time.Duration) {
	s, t := d.s, &sh.turn
	s.encode(&d.batch)
	if d.beat && d.batch.wantsBeat(at+s.hub.every >= s.identified+longestWithoutID) {
		if t.beat == nil || t.at != s.pending.Position {
			t.beat, t.at = s.heartbeat(), s.pending.Position
		}
		d.batch.events = append(d.batch.events, t.beat)
	}
	events := d.batch.events
	if len(events) == 0 {
		return
	}
	p := t.bytes(s.coding, events)
	if d.more, d.err = s.tries.Try(p); d.err != nil {
		return
	}
	s.remember(events, at)
	if s.counted >= 0 {
		c := &t.counts[s.counted]
		c.events += len(events)
		c.bytes += len(p)
	}
}

// bytes is what several sessions are told in a row, made once.
func (t *turn) bytes(c coding, events []*event) []byte {
	if len(events) == 1 {
		return c.of(events[0])
	}
	j := &t.joined[c]
	if !slices.Equal(j.events, events) {
		j.events, j.bytes = append(j.events[:0], events...), c.join(events)
	}
	return j.bytes
}

// endTurn passes the turns of the sessions on.
func (sh *shard) endTurn() {
	t := &sh.turn
	for kind := range t.counts { // before who ends with it is seen to have gone
		if c := &t.counts[kind]; c.events > 0 {
			sh.hub.count.add(kind, c.events, c.bytes)
			c.events, c.bytes = 0, 0
		}
	}
	sh.mu.Lock()
	for i := range t.list {
		d := &t.list[i]
		d.s.give(d.more, d.batch.last, d.err)
		if d.s.state == idle && d.s.next != 0 { // more than one batch holds: noted in the turn itself, where it was passed over
			sh.queue(d.s)
		}
	}
	sh.mu.Unlock()
	for i := range t.list {
		d := &t.list[i]
		if d.err != nil || d.batch.last && !d.more {
			d.s.stream.end(d.err)
		}
		d.s = nil
		d.batch.clear() // so that it holds on to nothing until the next turn
	}
	t.list = t.list[:0]
}

// look takes care of what comes with time: heartbeats, presence that was held back, readings of a node that was behind, and connections
// that are to be kept alive.
func (sh *shard) look(now time.Time) {
	t, h := &sh.turn, sh.hub
	soon := now.Sub(h.born) + h.every // the next look would be late
	h.mu.RLock()
	sh.mu.Lock()
	for _, s := range sh.sessions {
		if s.state != idle { // nor has one that waits in Next a state
			continue
		}
		t.beats = append(t.beats, s.stream)
		s.beat = soon >= min(s.wrote+h.opts.Heartbeat, s.identified+longestWithoutID)
		if s.beat || !s.again.IsZero() && !now.Before(s.again) || s.behind && !now.Before(s.catchUp) {
			sh.note(s)
		}
	}
	sh.mu.Unlock()
	h.mu.RUnlock()
	for i, st := range t.beats {
		t.beats[i] = nil
		more, err := st.out.Beat(now)
		if err != nil {
			st.end(err)
		} else if more {
			sh.mu.Lock()
			if st.s.state == idle {
				st.s.give(true, false, nil)
			}
			sh.mu.Unlock()
		}
	}
	t.beats = t.beats[:0]
}
