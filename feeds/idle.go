package feeds

import (
	"container/list"
	"fmt"
	"time"
)

// idle orders what nobody watches or pins: what was named longest ago is in front, and goes first when there is no room
// for what is new. Its zero value is empty.
type idle[T any] struct{ order list.List }

// seat is a place in an idle; nil: none.
type seat = *list.Element

// named moves x, whose seat is at, to the end.
func (i *idle[T]) named(x T, at *seat) {
	i.leave(at)
	*at = i.order.PushBack(x)
}

func (i *idle[T]) leave(at *seat) {
	if *at != nil {
		i.order.Remove(*at)
		*at = nil
	}
}

// each yields what was named longest ago first.
func (i *idle[T]) each(yield func(T) bool) {
	for at := i.order.Front(); at != nil && yield(at.Value.(T)); {
		at = at.Next()
	}
}

// named keeps e wanted for 3 intervals from now, longer where the circuit is open, and makes it and its poll the last to be evicted.
func (s *Scheduler) named(e *entry, now time.Time) {
	e.until = now.Add(e.poll.keep())
	if !e.held() {
		s.idle.named(e, &e.seat)
	}
	e.poll.touch(now)
}

// touch makes p the last poll to be evicted.
func (p *poll) touch(now time.Time) {
	p.named = now
	if p.holds == 0 {
		p.feed.idle.named(p, &p.seat)
	}
}

// hold keeps e and its poll from being evicted: one more watch or pin.
func (s *Scheduler) hold(e *entry) {
	p := e.poll
	p.holds++
	s.idle.leave(&e.seat)
	p.feed.idle.leave(&p.seat)
}

// roomForPoll sees to it that the bounds leave room for one more poll of f.
func (s *Scheduler) roomForPoll(f *feed, now time.Time) error {
	if len(f.polls) >= s.opts.MaxPollsPerFeed && !s.evict(f.oldest(now)) {
		return fmt.Errorf("%w: %d of feed %s are allowed", ErrTooManyPolls, s.opts.MaxPollsPerFeed, f.Name)
	}
	if len(s.polls) < s.opts.MaxPolls {
		return nil
	}
	var oldest *poll
	for _, f := range s.feeds {
		if p := f.oldest(now); p != nil && (oldest == nil || p.named.Before(oldest.named)) {
			oldest = p
		}
	}
	if !s.evict(oldest) {
		return fmt.Errorf("%w: %d in all are allowed", ErrTooManyPolls, s.opts.MaxPolls)
	}
	return nil
}

// roomForEntry sees to it that the bounds leave room for one more subscription.
func (s *Scheduler) roomForEntry() error {
	if len(s.wanted) < s.opts.MaxSubscriptions {
		return nil
	}
	for e := range s.idle.each {
		s.forget(e)
		return nil
	}
	return fmt.Errorf("%w: %d distinct subscriptions are allowed", ErrTooManyPolls, s.opts.MaxSubscriptions)
}

// oldest returns the poll of f to evict; nil: none. One that is running is not: it would go on uncounted. Nor is one
// that other nodes want.
func (f *feed) oldest(now time.Time) *poll {
	for p := range f.idle.each {
		if p.attempt == nil && !p.coming() && (p.share == nil || !p.share.busy && !now.Before(p.share.until)) {
			return p
		}
	}
	return nil
}

// evict forgets p, and what hangs on it, at once. It reports whether there is a p.
func (s *Scheduler) evict(p *poll) bool {
	if p == nil {
		return false
	}
	for len(p.entries) > 0 {
		s.forget(p.entries[len(p.entries)-1])
	}
	if s.toldOf(p) {
		s.overtaken(p)
	}
	s.due.remove(p)
	p.feed.waiting.remove(p)
	s.leave(p)
	return true
}
