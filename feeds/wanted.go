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
	asked     time.Time // when the first came of those who wait for a reading; zero: nobody does
	version   int64     // of the newest reading; 0: none yet
	last      *Reading  // the newest reading
	delivered *Reading  // the newest that the sink has taken
	arrived   chan struct{}
	history   history
}

// Watch keeps the resolved sub wanted until release is called, and for 3 intervals after. Error: ErrTooManyPolls.
func (s *Scheduler) Watch(sub Subscription) (release func(), err error) {
	if sub, err = s.resolved(sub); err != nil {
		return nil, err
	}
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
	sub, err := s.resolved(sub)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err = s.want(sub, time.Now(), false)
	return err
}

// Pin keeps sub wanted for ever. Its polls start within the interval at a moment that depends on its name, unless
// somebody else wants it sooner. Error: ErrTooManyPolls.
func (s *Scheduler) Pin(sub Subscription) error {
	sub, err := s.resolved(sub)
	if err != nil {
		return err
	}
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
	sub, err := s.resolved(sub)
	if err != nil {
		return Reading{}, err
	}
	now := time.Now()
	s.mu.Lock()
	e, err := s.want(sub, now, false)
	if err != nil {
		s.mu.Unlock()
		return Reading{}, err
	}
	if e.serves(e.delivered, now) {
		defer s.mu.Unlock()
		return *e.delivered, nil
	}
	if e.arrived == nil {
		e.arrived = make(chan struct{})
	}
	arrived := e.arrived
	s.mu.Unlock()
	s.await(ctx, arrived)
	now = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := e.delivered; r != nil && (r.Status == Loading || !e.tooOld(r, now)) {
		return *r, nil
	}
	return e.loading(now), nil
}

// await returns when something has arrived, or nothing will. Under Run it is look alone that decides when 2 s are over,
// so that all who wait are told the same.
func (s *Scheduler) await(ctx context.Context, arrived <-chan struct{}) {
	late := time.NewTimer(firstWait)
	defer late.Stop()
	select {
	case <-arrived:
		return
	case <-s.ended:
		return
	case <-ctx.Done():
		return
	case <-late.C:
	}
	s.mu.Lock()
	running := s.started
	s.mu.Unlock()
	if !running {
		return
	}
	select {
	case <-arrived:
	case <-s.ended:
	case <-ctx.Done():
	}
}

// resolved is Resolve without its cost for what is wanted already. It is called without mu: Peers may have to look.
func (s *Scheduler) resolved(sub Subscription) (Subscription, error) {
	s.mu.Lock()
	_, known := s.wanted[sub]
	s.mu.Unlock()
	if known {
		return sub, nil
	}
	return s.Resolve(sub)
}

// want returns the entry of a resolved sub, wanted for 3 intervals from now, and makes it if there is none.
func (s *Scheduler) want(sub Subscription, now time.Time, pin bool) (*entry, error) {
	e := s.wanted[sub]
	if e == nil {
		var err error
		if e, err = s.enter(sub, now, pin); err != nil {
			return nil, err
		}
	}
	if p := e.poll; p.spread && !pin {
		p.spread = false
		s.due.set(p, now)
		s.ring()
	}
	s.named(e, now)
	if !pin && e.asked.IsZero() && !e.serves(e.last, now) {
		e.asked = now
		s.looks.set(e, now.Add(firstWait))
		s.ring()
	}
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
		if err := s.roomForPoll(f, now); err != nil {
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
	e := &entry{sub: sub, poll: p, index: len(p.entries)}
	p.entries = append(p.entries, e)
	s.wanted[sub] = e
	if p.pos == 0 && !p.feed.desc.Pushed {
		s.due.set(p, now) // it was about to be forgotten
	}
	switch {
	case p.fresh(now):
		s.publishTo(e, now, nil)
	case p.empty:
		s.giveUp(e, now)
	}
	s.planWoken(p, now)
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

// look forgets e when nobody wants it, and ends the wait of those who came for a reading that is late.
func (s *Scheduler) look(e *entry, now time.Time) {
	if !e.held() && !now.Before(e.until) {
		s.forget(e)
		return
	}
	if !e.asked.IsZero() && !now.Before(e.asked.Add(firstWait)) {
		s.giveUp(e, now)
	}
	s.lookLater(e)
}

// giveUp tells that e is loading, unless who came was told so at once.
func (s *Scheduler) giveUp(e *entry, now time.Time) {
	version := s.loadingVersion(e, now)
	if last := e.last; version == 0 || last != nil && last.Status == Loading && !e.tooOld(last, e.asked) {
		e.asked = time.Time{}
		e.answer()
		return
	}
	r := e.loading(now)
	r.Version, r.Before = version, e.version
	s.send(e, &r)
}

// answer ends the wait for what was delivered.
func (e *entry) answer() {
	if e.arrived != nil {
		close(e.arrived)
		e.arrived = nil
	}
}

// serves says whether r is good enough for who comes now.
func (e *entry) serves(r *Reading, now time.Time) bool {
	return r != nil && (r.Status != Loading || e.poll.empty) && !e.tooOld(r, now)
}

// tooOld is by the wall clock: a machine that slept has nothing new. That a node is gone stays true until it is back.
func (e *entry) tooOld(r *Reading, now time.Time) bool {
	return !r.Due.IsZero() && now.Sub(r.Seen) > r.Gap+e.poll.feed.Interval
}

// held says whether somebody watches or pins e.
func (e *entry) held() bool { return e.watches > 0 || e.pinned }

func (s *Scheduler) forget(e *entry) {
	p := e.poll
	s.looks.remove(e)
	s.idle.leave(&e.seat)
	e.answer() // who still waits for what is evicted
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
