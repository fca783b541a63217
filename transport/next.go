package transport

import (
	"context"
	"time"
)

// mostMessages bounds the messages of one batch, in bytes.
const mostMessages = 64 << 10

// Next says that the batch before has been written, waits until something is newer than the session's position, and returns it:
// a reply, messages in order, then every reading whose version differs. A lower one, of a node that has not heard of the newest yet,
// is held back for a while. It returns an empty batch at until (zero: never), and an
// error when ctx or the session ends.
func (s *Session) Next(ctx context.Context, until time.Time) (Batch, error) {
	w := s.await()
	for {
		batch := s.collect()
		if len(batch.events) > 0 {
			return batch, nil
		}
		if !until.IsZero() && !time.Now().Before(until) {
			return Batch{}, nil
		}
		if s.succeeds() {
			continue
		}
		at := earlier(until, s.again)
		if s.behind {
			at = earlier(at, s.catchUp)
		}
		if err := w.wait(ctx, at); err != nil {
			return Batch{}, err
		}
	}
}

// earlier returns the first of two times; a zero one never comes.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// collect gathers what is newer than the pending position, and moves it there.
func (s *Session) collect() Batch {
	var b Batch
	h, sh := s.hub, s.shard
	h.mu.RLock()
	sh.mu.Lock()
	sh.mark()
	s.take(&b)
	sh.mu.Unlock()
	h.mu.RUnlock()
	s.encode(&b)
	return b
}

// take is the part of collect that needs what others change: the hub is read-locked, the shard is locked and has marked. What the batch
// before held has been written.
func (s *Session) take(b *Batch) {
	s.confirm()
	if !s.besides { // nearly always, and then the rest of it stays untouched
		if s.next != 0 && s.next < s.hub.log.tail {
			b.events = s.appendReset(b.events)
		}
		b.events = s.appendMessages(b.events)
		return
	}
	if s.reply != nil {
		b.events = append(b.events, s.reply)
		s.reply, s.replying = nil, true
	}
	b.events = s.appendReset(b.events)
	b.events = s.appendMessages(b.events)
	b.readings = s.appendReadings(b.readings)
	b.tell = s.presence && s.kind != LongPoll && (s.seen.looked != s.hub.roll.version || !s.again.IsZero())
	b.pressing = s.hub.roll.pressing(s)
	b.bye = s.bye
	s.besides = s.behind || b.tell || b.pressing || b.bye != nil
}

// encode is the rest of collect, without a lock: what was taken becomes events.
func (s *Session) encode(b *Batch) {
	for _, r := range b.readings { // encoded on first need
		if e := r.update.event(s.format, r.had, s.hub.opts.Logger); e != nil {
			b.events = append(b.events, e)
		} else {
			s.lack(r)
		}
	}
	if b.tell {
		b.events = append(b.events, s.news()...)
	}
	if b.pressing {
		b.events = append(b.events, s.hub.pollerNews(s)...)
	}
	if b.bye != nil {
		b.events = append(b.events, b.bye)
		b.last = true
	}
}

// news is what of presence is to be told now.
func (s *Session) news() (list []*event) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	list, s.again = s.hub.roll.news(s, s.seen, time.Now())
	if !s.again.IsZero() {
		s.shard.mu.Lock()
		s.besides = true
		s.shard.mu.Unlock()
	}
	return list
}

// appendReset tells that messages may be missing and goes on from now.
func (s *Session) appendReset(to []*event) []*event {
	log, reason := s.hub.log, s.reset
	switch {
	case s.pending.index >= log.begin:
	case s.pending.Epoch != log.epoch:
		reason = anew
	default:
		reason = forgotten
	}
	if s.next != 0 && s.next < log.tail {
		reason, s.next = forgotten, 0
	}
	if reason == "" {
		return to
	}
	s.reset, s.pending = "", log.now()
	if s.next != 0 {
		s.pending = position{Position: log.place(s.next - 1), index: s.next - 1}
	}
	s.skip = s.pending.index
	s.hub.count.resets.Add(1)
	e := newEvent("reset", s.pending.ID(), struct {
		Reason string `json:"reason"`
		Kept   int    `json:"kept"`
	}{reason, log.kept})
	e.lost = reason
	return append(to, e)
}

// appendMessages takes what fits of the messages for the session. Those for others are passed, even when the log has forgotten them. To
// have passed one of this node alone is no reason for a position that only this node knows.
func (s *Session) appendMessages(to []*event) []*event {
	log := s.hub.log
	from := s.next
	s.next = 0
	if from == 0 {
		s.pending.pass(log.head, log.shared)
		return to
	}
	size, full := 0, false
	log.after(from-1, func(e *entry) bool {
		if !s.gets(e) {
			s.pending.pass(e.index, e.shared())
			return true
		}
		if size += len(e.data); size > mostMessages && size > len(e.data) {
			s.shard.expect(s, e.index) // more than fits: come again
			full = true
			return false
		}
		s.pending.pass(e.index, e.Position)
		to = append(to, e.event())
		return true
	})
	if !full {
		s.pending.pass(log.head, log.shared)
	}
	return to
}

// pass moves the position to an index, and to a place unless it is further already.
func (p *position) pass(index int64, to Position) {
	p.index = max(p.index, index)
	if to.later(p.Position) {
		p.Position = to
	}
}

func (s *Session) appendReadings(to []due) []due {
	s.behind = false
	for i := range s.watches {
		w := &s.watches[i]
		u := w.topic.newest
		if u == nil || u.Version == w.version || u == w.lacks {
			continue
		}
		if u.Version < w.version && time.Now().Before(s.catchUp) {
			s.behind = true
			continue
		}
		to = append(to, due{u, w.version})
		w.version = u.Version
	}
	return to
}

// lack notes that the client did not get an update, so that the next one is not told to it as a change of this one.
func (s *Session) lack(d due) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if i := s.watching(d.update.Topic); i >= 0 && s.watches[i].version == d.update.Version { // else unsubscribed since
		s.watches[i].version, s.watches[i].lacks = d.had, d.update
	}
}

// cursor is the whole position as of the last batch.
func (s *Session) cursor() string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	p := s.pending
	p.versions = make(map[uint32]int64, len(s.watches))
	for _, w := range s.watches {
		if w.version != 0 {
			p.versions[topicHash(w.topic.name)] = w.version
		}
	}
	return p.cursor()
}
