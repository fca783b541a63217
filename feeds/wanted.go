package feeds

import (
	"context"
	"sync"
	"time"
)

// firstWait is how long a subscription without a reading waits before it is told that it is loading.
const firstWait = 2 * time.Second

// entry is a wanted subscription. Its fields are guarded by the scheduler's mu.
type entry struct {
	slot
	seat      seat // in scheduler.idle
	sub       Subscription
	poll      *poll
	index     int // in poll.entries
	watches   int
	pinned    bool
	until     time.Time // wanted at least so long
	since     time.Time // first wanted
	version   int64     // of the newest reading; 0: none yet
	last      *Reading  // the newest reading
	delivered *Reading  // the newest that the sink has taken
	arrived   chan struct{}
	history   history
}

// Watch keeps the resolved sub wanted until release is called, and for 3 intervals after. Error: ErrTooManyPolls.
func (s *Scheduler) Watch(sub Subscription) (release func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.want(sub, time.Now(), false)
	if err != nil {
		return nil, err
	}
	e.watches++
	s.hold(e)
	return sync.OnceFunc(func() { s.release(e) }), nil
}

func (s *Scheduler) release(e *entry) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	e.watches--
	e.poll.holds--
	s.named(e, now)
	s.lookLater(e)
}

// Want keeps sub wanted for 3 intervals from now. Error: ErrTooManyPolls.
func (s *Scheduler) Want(sub Subscription) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.want(sub, time.Now(), false)
	return err
}

// Pin keeps sub wanted for ever. Its polls start within the interval at a moment that depends on its name, unless
// somebody else wants it sooner. Error: ErrTooManyPolls.
func (s *Scheduler) Pin(sub Subscription) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.want(sub, time.Now(), true)
	if err == nil && !e.pinned {
		e.pinned = true
		s.hold(e)
	}
	return err
}

// Newest wants sub and returns the newest reading that the sink has taken. When there is none younger than two
// intervals it waits for the next one until ctx ends, 2 s at most, and then returns one that is Loading.
// Error: ErrTooManyPolls.
func (s *Scheduler) Newest(ctx context.Context, sub Subscription) (Reading, error) {
	now := time.Now()
	s.mu.Lock()
	e, err := s.want(sub, now, false)
	if err != nil {
		s.mu.Unlock()
		return Reading{}, err
	}
	if r := e.delivered; r != nil && r.Status != Loading && now.Sub(time.UnixMicro(r.Version)) <= 2*e.poll.feed.Interval {
		s.mu.Unlock()
		return *r, nil
	}
	if e.arrived == nil {
		e.arrived = make(chan struct{})
	}
	arrived := e.arrived
	s.mu.Unlock()
	late := time.NewTimer(firstWait)
	defer late.Stop()
	select {
	case <-arrived:
	case <-late.C:
	case <-s.ended:
	case <-ctx.Done():
	}
	return s.newest(e, arrived), nil
}

// newest returns what has arrived, else that it is loading.
func (s *Scheduler) newest(e *entry, arrived <-chan struct{}) Reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-arrived:
		return *e.delivered
	default:
	}
	if e.delivered != nil && e.delivered.Status == Loading {
		return *e.delivered
	}
	return e.loading(time.Now())
}

// History returns the points of the last hour of sub up to and including until, by series name. The caller must not change them.
func (s *Scheduler) History(sub Subscription, until time.Time) map[string][]Point {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.wanted[sub]; e != nil {
		return e.history.until(until)
	}
	return nil
}

// Polls returns how many distinct polls are wanted now.
func (s *Scheduler) Polls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// want returns the entry of sub, wanted for 3 intervals from now, and makes it if there is none.
func (s *Scheduler) want(sub Subscription, now time.Time, pin bool) (*entry, error) {
	e := s.wanted[sub]
	if e == nil {
		resolved, err := s.Resolve(sub)
		if err != nil {
			return nil, err
		}
		if e = s.wanted[resolved]; e == nil {
			if e, err = s.enter(resolved, now, pin); err != nil {
				return nil, err
			}
		}
	}
	if p := e.poll; p.spread && !pin {
		p.spread = false
		s.due.set(p, now)
		s.ring()
	}
	s.named(e, now)
	if e.pos == 0 {
		s.lookLater(e)
	}
	return e, nil
}

// enter hangs a new subscription on its poll. Where the bounds leave no room, what nobody holds makes room.
func (s *Scheduler) enter(sub Subscription, now time.Time, pin bool) (*entry, error) {
	f := s.feeds[sub.Feed]
	key := f.key(sub)
	p := s.polls[key]
	if p == nil {
		if err := s.roomForPoll(f); err != nil {
			return nil, err
		}
	}
	if err := s.roomForEntry(); err != nil {
		return nil, err
	}
	if p == nil {
		p = s.newPoll(key, f, now, pin)
	}
	if len(p.entries) == 0 {
		s.active++
	}
	e := &entry{sub: sub, poll: p, index: len(p.entries), since: now}
	p.entries = append(p.entries, e)
	s.wanted[sub] = e
	if p.pos == 0 {
		s.due.set(p, now) // it was about to be forgotten
	}
	if p.fresh(now) {
		s.publishTo(e, now, nil)
	}
	if e.version == 0 {
		s.looks.set(e, now.Add(firstWait))
	}
	s.ring()
	return e, nil
}

// lookLater sees to it that e is looked at when it may be unwanted.
func (s *Scheduler) lookLater(e *entry) {
	if e.pos == 0 && !e.held() {
		s.looks.set(e, e.until)
		s.ring()
	}
}

// look forgets e when nobody wants it, and says that it is loading when the first reading is late.
func (s *Scheduler) look(e *entry, now time.Time) {
	if !e.held() && !now.Before(e.until) {
		s.forget(e)
		return
	}
	if e.version == 0 && !now.Before(e.since.Add(firstWait)) {
		r := e.loading(now)
		r.Version = s.nextVersion(e, now)
		s.send(e, &r)
	}
	s.lookLater(e)
}

// held says whether somebody watches or pins e.
func (e *entry) held() bool { return e.watches > 0 || e.pinned }

func (s *Scheduler) forget(e *entry) {
	p := e.poll
	s.looks.remove(e)
	s.idle.leave(&e.seat)
	delete(s.wanted, e.sub)
	s.floor = max(s.floor, e.version)
	last := len(p.entries) - 1
	p.entries[e.index] = p.entries[last]
	p.entries[e.index].index = e.index
	p.entries[last] = nil
	p.entries = p.entries[:last]
	if last == 0 {
		s.active--
		s.leave(p)
	}
	if e.version > 0 { // else the sink was never told of it
		s.outbox = append(s.outbox, delivery{to: e})
		s.ring()
	}
}

// loading is the reading of a subscription that was not polled yet.
func (e *entry) loading(now time.Time) Reading {
	return Reading{Sub: e.sub, Status: Loading, Since: e.since, Due: e.poll.deadline(now)}
}
