package feeds

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"runtime/debug"
	"sync"
	"time"
)

// pollKey names a distinct poll: the parameters that the source has to know, and only those.
type pollKey Subscription

// poll is one distinct poll with the subscriptions that hang on it. Its fields are guarded by the scheduler's mu, but
// for key and feed, which do not change.
type poll struct {
	slot    // start of the next attempt
	key     pollKey
	feed    *feed
	entries []*entry
	spread  bool     // waits for its place in the interval: only pinned so far, and not polled yet
	queued  bool     // in feed.waiting
	attempt *attempt // nil when none is running
	share   *share   // nil: there are no other nodes
	holds   int      // watches and pins of the entries
	seat    seat     // in feed.idle
	named   time.Time
	woken   time.Time // when the source said last that it has something new; zero: it was polled since
	begun   time.Time // when the newest attempt did, on any node
	heals   bool      // its failure may be over with the next wake: the source is away and tells when it is back
	empty   bool      // of a feed that is pushed to: nobody has anything yet

	outcome
}

// attempt is one call of the source.
type attempt struct {
	started time.Time
	woken   bool           // it was asked for by a wake
	settled bool           // it has its result, or its time is over
	version int64          // of a shared poll: what it is to replace
	telling sync.WaitGroup // those who hang on it, while the other nodes are
}

func (s *Scheduler) newPoll(key pollKey, f *feed, now time.Time, pin bool) *poll {
	p := &poll{key: key, feed: f, spread: pin, share: s.newShare(key, f)}
	s.polls[key] = p
	f.polls[key] = p
	if p.share != nil && p.share.by == otherNode {
		s.abroad[key] = p
	}
	if pin {
		now = now.Add(p.offset())
	}
	s.due.set(p, now)
	return p
}

// offset is the place of a pinned poll in its interval.
func (p *poll) offset() time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(Subscription(p.key).String()))
	return time.Duration(h.Sum64() % uint64(p.feed.Interval))
}

// tick puts p into the queue of its feed. A missed tick is skipped: the next one is on the same grid, in the future.
func (s *Scheduler) tick(p *poll, now time.Time) {
	if p.idle(now) {
		s.leave(p)
		return
	}
	if p.feed.desc.Pushed {
		s.tickPushed(p, now)
		return
	}
	if p.share != nil && p.share.by != thisNode {
		s.tickShared(p, now)
		return
	}
	interval := p.feed.Interval
	s.due.set(p, p.at.Add(interval*(now.Sub(p.at)/interval+1)))
	p.spread = false
	switch {
	case p.queued || p.attempt != nil && !p.attempt.settled:
	case p.attempt != nil:
		if p.share != nil {
			s.errand(p, s.sayStuck)
			return
		}
		p.settle(now, 0, nil, p.attempt.errStuck())
		s.rests(p, now)
		views := make(views)
		for _, e := range p.entries {
			s.publishTo(e, now, views)
		}
	default:
		p.feed.waiting.push(p, now)
	}
}

// leave forgets p when nothing hangs on it, nothing of it is running, and its table is as old as the interval.
func (s *Scheduler) leave(p *poll) {
	if s.polls[p.key] != p || !p.idle(time.Now()) || p.attempt != nil || p.queued || p.pos > 0 || p.share != nil && p.share.busy {
		return
	}
	delete(s.polls, p.key)
	delete(s.abroad, p.key)
	p.feed.idle.leave(&p.seat)
	delete(p.feed.polls, p.key)
	if p.failure != "" {
		p.feed.failing--
	}
	if p.share != nil && p.share.joined {
		s.unwanted = append(s.unwanted, p.share.name)
	}
}

// idle says whether nobody wants p any more.
func (p *poll) idle(now time.Time) bool {
	return len(p.entries) == 0 && !p.coming() && (p.share == nil || !p.share.untold && !now.Before(p.share.until))
}

// coming says whether something was pushed here that nobody has been given yet.
func (p *poll) coming() bool { return p.feed.desc.Pushed && !p.woken.IsZero() }

// takeWaiting returns the polls that may start now.
func (f *feed) takeWaiting(s *Scheduler, now time.Time) []*poll {
	var begin []*poll
	for f.waiting.len() > 0 && f.running < s.opts.Concurrency {
		p := f.waiting.pop(f.Interval, now)
		if p.idle(now) {
			s.leave(p)
			continue
		}
		if !s.beginShared(p) {
			continue
		}
		s.takePlace(p, now)
		f.running++
		p.attempt = &attempt{started: now}
		begin = append(begin, p)
	}
	return begin
}

// poll makes one attempt, if it is this node's to make, and publishes what came of it. When its time is over, that is
// published at once, and what the source gives later is thrown away.
func (s *Scheduler) poll(run context.Context, p *poll) {
	if s.begin(run, p) {
		s.ask(run, p)
	}
	s.mu.Lock()
	if !p.attempt.settled {
		p.attempt.settled = true
		p.feed.running--
	}
	a := p.attempt
	p.attempt = nil
	s.planWoken(p, time.Now())
	s.leave(p)
	s.mu.Unlock()
	s.ring()
	s.publish(run, p) // afterwards, so that the next attempt does not wait for it
	a.telling.Wait()
	s.endShared(p)
}

// ask makes the attempt.
func (s *Scheduler) ask(run context.Context, p *poll) {
	s.mu.Lock()
	p.attempt.woken = !p.woken.IsZero()
	p.answered(time.Now())
	down := p.feed.down
	var before marks
	first := p.table == nil
	if !first {
		before = p.table.marks
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(run, p.feed.timeout())
	defer cancel()
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		s.finish(run, p, nil, p.feed.errLate())
		s.publish(run, p)
	})
	var t *table
	err := down
	if err == nil {
		t, err = p.feed.ask(ctx, p.query())
	}
	s.mu.Lock()
	p.heals = down != nil || errors.Is(err, ErrAway)
	s.mu.Unlock()
	if err == nil && len(p.feed.Thresholds) > 0 {
		err = p.judge(t, before, first)
	}
	if err == nil && p.share != nil {
		t, err = t.travelled(s.opts.MaxCarried)
	}
	if !stop() {
		<-expired
	}
	if errors.Is(err, errNothingYet) {
		s.finishEmpty(p, time.Now())
		return
	}
	if err != nil && ctx.Err() != nil {
		err = p.feed.errLate()
	}
	s.finish(run, p, t, err)
}

func (a *attempt) errStuck() error { return &stuckError{a.started} }

func (f *feed) errLate() error {
	return fmt.Errorf("the source did not answer within %s", f.timeout())
}

// query is what the source has to know.
func (p *poll) query() Query {
	q := Query{UnionID: p.key.UnionID, Interval: p.feed.Interval}
	if !p.feed.desc.Whole {
		q.Offset = int(min(int64(p.key.Current-1)*int64(p.key.Size), math.MaxInt-MaxSize))
		q.Limit = p.key.Size
	}
	return q
}

// ask calls the source. A panic is an error, one in the repair of its records too.
func (f *feed) ask(ctx context.Context, q Query) (t *table, err error) {
	defer func() {
		if v := recover(); v != nil {
			t, err = nil, &panicError{value: fmt.Sprint(v), stack: debug.Stack()}
		}
	}()
	res, err := f.Source.Poll(ctx, q)
	if err != nil {
		return nil, err
	}
	if !f.desc.Whole {
		res.Records = res.Records[:min(len(res.Records), q.Limit)]
	}
	if err := checkSize(res.Records); err != nil {
		return nil, err
	}
	return newTable(res, q, f.desc.Whole), nil
}

// finish settles the attempt, once, and gives its reading to each subscription that hangs on the poll.
func (s *Scheduler) finish(run context.Context, p *poll, t *table, err error) {
	s.learn(run, p)
	now := time.Now()
	s.mu.Lock()
	a := p.attempt
	if a.settled {
		s.mu.Unlock()
		return
	}
	a.settled = true
	p.feed.running--
	if run.Err() != nil || p.share != nil && p.share.version != a.version && !(p.share.by == receiver && a.woken) {
		s.mu.Unlock()
		return // nobody is there any more to take it, or another node went on without it
	}
	took := now.Sub(a.started)
	news := p.settle(now, took, t, err)
	s.advance(p, now, a.started)
	verdict := p.handOver(t, now)
	s.mu.Unlock()
	tell := func() {
		s.opts.Observe(p.feed.Name, took, s.announce(p, now, report{news, err}))
		if verdict != nil {
			s.opts.Judged(*verdict)
		}
	}
	if p.share == nil {
		tell()
		return
	}
	a.telling.Go(tell) // the way to the other nodes is longer, so publish need not wait for that
}
