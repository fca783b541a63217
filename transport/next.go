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
	s.position = s.pending
	if s.replying {
		s.replying = false
		s.replied <- struct{}{} // size 1, and there is one reply at a time
	}
	for {
		if batch := s.collect(); len(batch.events) > 0 {
			return batch, nil
		}
		if !until.IsZero() && !time.Now().Before(until) {
			s.position = s.pending // passed over what was not for it
			return Batch{}, nil
		}
		if s.succeeds {
			s.succeed()
		}
		at := earlier(until, s.again)
		if s.behind {
			at = earlier(at, s.catchUp)
		}
		if err := s.wait(ctx, at); err != nil {
			return Batch{}, err
		}
	}
}

// wait returns when the bell rings, or at a time (zero: never).
func (s *Session) wait(ctx context.Context, at time.Time) error {
	var alarm <-chan time.Time
	if !at.IsZero() {
		if s.timer == nil {
			s.timer = time.NewTimer(time.Until(at))
		} else {
			s.timer.Reset(time.Until(at))
		}
		defer s.timer.Stop()
		alarm = s.timer.C
	}
	select {
	case <-s.wake:
	case <-alarm:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	return nil
}

// earlier returns the first of two times; a zero one never comes.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// collect gathers what is newer than the pending position, and moves it there. Many sessions do so at the same time: what is guarded by
// the hub's mutex for writing and belongs to this session alone may be written here.
func (s *Session) collect() Batch {
	h := s.hub
	h.mu.RLock()
	var b Batch
	if s.reply != nil {
		b.events = append(b.events, s.reply)
		s.reply, s.replying = nil, true
	}
	b.events = s.appendReset(b.events)
	b.events = s.appendMessages(b.events)
	readings := s.takeReadings()
	tell := s.open.Presence && s.kind != LongPoll && (s.seen.looked != h.roll.version || !s.again.IsZero())
	pressing := h.roll.pressing(s)
	bye := s.bye
	s.succeeds = s.succession != nil
	h.mu.RUnlock()
	for _, r := range readings { // encoded on first need, outside the lock
		if e := r.update.event(s.open.Format, r.had, h.opts.Logger); e != nil {
			b.events = append(b.events, e)
		} else {
			s.lack(r)
		}
	}
	if tell {
		b.events = append(b.events, s.news()...)
	}
	if pressing {
		b.events = append(b.events, h.pollerNews(s)...)
	}
	if bye != nil {
		b.events = append(b.events, bye)
		b.last = true
	}
	return b
}

// news is what of presence is to be told now.
func (s *Session) news() (list []*event) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	list, s.again = s.hub.roll.news(s, &s.seen, time.Now())
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
	versions := s.pending.versions
	s.reset, s.pending = "", log.now()
	if s.next != 0 {
		s.pending = position{Position: log.place(s.next - 1), index: s.next - 1}
	}
	s.pending.versions, s.skip = versions, s.pending.index
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
	reader, size, full := s.reader(), 0, false
	log.after(from-1, func(e *entry) bool {
		if !e.isFor(reader, s.skip) {
			s.pending.pass(e.index, e.shared())
			return true
		}
		if size += len(e.data); size > mostMessages && size > len(e.data) {
			s.expect(e.index) // more than fits: come again
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

// due is an update to send to a client that has version had.
type due struct {
	update *Update
	had    int64
}

func (s *Session) takeReadings() (list []due) {
	s.behind = false
	for _, topic := range s.interests.topics {
		u := s.hub.topics[topic]
		if u == nil || u.Version == s.versions[topic] {
			continue
		}
		if u.Version < s.versions[topic] && time.Now().Before(s.catchUp) {
			s.behind = true
			continue
		}
		list = append(list, due{u, s.versions[topic]})
		s.versions[topic] = u.Version
	}
	return list
}

// lack notes that the client did not get an update, so that the next one is not told to it as a change of this one.
func (s *Session) lack(d due) {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	switch topic := d.update.Topic; {
	case s.versions[topic] != d.update.Version: // unsubscribed since
	case d.had == 0:
		delete(s.versions, topic)
	default:
		s.versions[topic] = d.had
	}
}

// cursor is the whole position as of the last batch.
func (s *Session) cursor() string {
	s.hub.mu.RLock()
	defer s.hub.mu.RUnlock()
	p := s.pending
	p.versions = make(map[uint32]int64, len(s.versions))
	for topic, version := range s.versions {
		p.versions[topicHash(topic)] = version
	}
	return p.cursor()
}
