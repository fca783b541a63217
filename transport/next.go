package transport

import (
	"context"
	"time"
)

// mostMessages bounds the messages of one batch, in bytes.
const mostMessages = 64 << 10

// Next says that the batch before has been written, waits until something is newer than the session's position, and returns it:
// a reply, messages in order, then every reading whose version differs. It returns an empty batch at until (zero: never), and an
// error when ctx or the session ends.
func (s *Session) Next(ctx context.Context, until time.Time) (Batch, error) {
	s.position = s.pending
	if s.replying {
		s.replying = false
		s.replied <- struct{}{} // size 1, and there is one reply at a time
	}
	var alarm <-chan time.Time
	for {
		if batch := s.collect(); len(batch.events) > 0 {
			return batch, nil
		}
		if alarm == nil && !until.IsZero() {
			timer := time.NewTimer(time.Until(until))
			defer timer.Stop()
			alarm = timer.C
		}
		select {
		case <-s.wake:
		case <-alarm:
			s.position = s.pending // passed over what was not for it
			return Batch{}, nil
		case <-ctx.Done():
			return Batch{}, ctx.Err()
		case <-s.ctx.Done():
			return Batch{}, context.Cause(s.ctx)
		}
	}
}

// collect gathers what is newer than the pending position, and moves it there.
func (s *Session) collect() Batch {
	h := s.hub
	h.mu.Lock()
	var b Batch
	if s.reply != nil {
		b.events = append(b.events, s.reply)
		s.reply, s.replying = nil, true
	}
	b.events = s.appendReset(b.events)
	b.events = s.appendMessages(b.events)
	readings := s.takeReadings()
	var news []*event
	if s.open.Presence && s.kind != LongPoll {
		news = h.roll.news(s, &s.seen, time.Now())
	}
	bye := s.bye
	h.mu.Unlock()
	for _, r := range readings { // encoded on first need, outside the lock
		b.events = append(b.events, r.update.event(s.open.Format, r.had))
	}
	b.events = append(b.events, news...)
	if bye != nil {
		b.events = append(b.events, bye)
		b.last = true
	}
	return b
}

// appendReset tells that messages may be missing and goes on from now.
func (s *Session) appendReset(to []*event) []*event {
	log := s.hub.log
	reason := s.reset
	if reason == "" {
		reason = s.hub.lost(s.pending)
	}
	if reason == "" {
		return to
	}
	s.reset = ""
	s.pending.epoch, s.pending.seq = log.epoch, log.head
	s.hub.count.resets.Add(1)
	return append(to, newEvent("reset", s.pending.id(), struct {
		Reason string `json:"reason"`
		Kept   int    `json:"kept"`
	}{reason, log.kept}))
}

func (s *Session) appendMessages(to []*event) []*event {
	reader, size := s.reader(), 0
	s.hub.log.after(s.pending.seq, func(seq int64, e *entry) bool {
		if e.message != nil && e.message.To.reaches(reader) {
			if size += len(e.event.data); size > mostMessages && size > len(e.event.data) {
				s.ring() // more than fits: come again
				return false
			}
			to = append(to, e.event)
		}
		s.pending.seq = seq
		return true
	})
	return to
}

// due is an update to send to a client that has version had.
type due struct {
	update *Update
	had    int64
}

func (s *Session) takeReadings() (list []due) {
	for _, topic := range s.interests.topics {
		u := s.hub.topics[topic]
		if u == nil || u.Version == s.versions[topic] {
			continue
		}
		list = append(list, due{u, s.versions[topic]})
		s.versions[topic] = u.Version
	}
	return list
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
