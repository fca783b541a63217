package feeds

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math"
	"runtime/debug"
	"slices"
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
	holds   int      // watches and pins of the entries
	seat    seat     // in feed.idle
	named   time.Time

	table   *table    // newest that was good
	failure string    // of the newest attempt; empty: it was good
	since   time.Time // of the first of the failures
	settled time.Time // when the newest attempt ended; zero: none has
	took    time.Duration
}

// attempt is one call of the source.
type attempt struct {
	started time.Time
	settled bool // it has its result, or its time is over
}

// panicError is what became of a panic in a source.
type panicError struct {
	value string
	stack []byte
}

func (e *panicError) Error() string { return "the source panicked: " + e.value }

func (s *Scheduler) newPoll(key pollKey, f *feed, now time.Time, pin bool) *poll {
	p := &poll{key: key, feed: f, spread: pin}
	s.polls[key] = p
	f.polls++
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
	if len(p.entries) == 0 {
		s.leave(p)
		return
	}
	interval := p.feed.Interval
	s.due.set(p, p.at.Add(interval*(now.Sub(p.at)/interval+1)))
	p.spread = false
	switch {
	case p.queued || p.attempt != nil && !p.attempt.settled:
	case p.attempt != nil:
		p.took = 0
		p.settle(now, nil, fmt.Errorf("the source has not ended its poll of %s", p.attempt.started.UTC().Format("15:04:05 UTC")))
		views := make(views)
		for _, e := range p.entries {
			s.publishTo(e, now, views)
		}
	default:
		p.queued = true
		p.feed.waiting = append(p.feed.waiting, p)
	}
}

// leave forgets p when nothing hangs on it, nothing of it is running, and its table is as old as the interval.
func (s *Scheduler) leave(p *poll) {
	if len(p.entries) > 0 || p.attempt != nil || p.queued || p.pos > 0 {
		return
	}
	delete(s.polls, p.key)
	p.feed.idle.leave(&p.seat)
	p.feed.polls--
	if p.failure != "" {
		p.feed.failing--
	}
}

// takeWaiting returns the polls that may start now, first come, first served.
func (f *feed) takeWaiting(s *Scheduler, now time.Time) []*poll {
	var begin []*poll
	for len(f.waiting) > 0 && f.running < s.opts.Concurrency {
		p := f.waiting[0]
		f.waiting[0] = nil
		f.waiting = f.waiting[1:]
		p.queued = false
		if len(p.entries) == 0 {
			s.leave(p)
			continue
		}
		f.running++
		p.attempt = &attempt{started: now}
		begin = append(begin, p)
	}
	return begin
}

// poll makes one attempt and publishes what came of it. When its time is over, that is published at once, and what
// the source gives later is thrown away.
func (s *Scheduler) poll(run context.Context, p *poll) {
	ctx, cancel := context.WithTimeout(run, p.feed.timeout())
	defer cancel()
	expired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(expired)
		s.finish(run, p, nil, p.feed.errLate())
	})
	t, err := p.feed.ask(ctx, p.query())
	if !stop() {
		<-expired
	}
	if err != nil && ctx.Err() != nil {
		err = p.feed.errLate()
	}
	s.finish(run, p, t, err)
	s.mu.Lock()
	p.attempt = nil
	s.leave(p)
	s.mu.Unlock()
	s.ring()
}

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
	return newTable(res, q, f.desc.Whole), nil
}

// finish settles the attempt, once, and publishes its reading to each subscription that hangs on the poll.
func (s *Scheduler) finish(run context.Context, p *poll, t *table, err error) {
	now := time.Now()
	s.mu.Lock()
	a := p.attempt
	if a.settled {
		s.mu.Unlock()
		return
	}
	a.settled = true
	p.feed.running--
	if run.Err() != nil {
		s.mu.Unlock()
		return // nobody is there any more to take it
	}
	p.took = now.Sub(a.started)
	took, news := p.took, p.settle(now, t, err)
	entries := slices.Clone(p.entries)
	views := make(views)
	status := p.status(now, views)
	s.mu.Unlock()

	p.report(s.opts.Logger, news, err)
	for _, e := range entries {
		s.mu.Lock() // for each anew, so that many subscriptions hold up nobody else
		if s.wanted[e.sub] == e {
			s.publishTo(e, now, views)
		}
		s.mu.Unlock()
	}
	s.ring()
	s.opts.Observe(p.feed.Name, took, status)
}

// news is what the outcome of a poll means to whoever runs the server.
type news int

const (
	noNews news = iota
	degraded
	recovered
	panicked
)

// settle keeps the outcome of an attempt.
func (p *poll) settle(now time.Time, t *table, err error) news {
	f, before := p.feed, p.feed.failing
	p.settled = now
	if err == nil {
		t.at, t.took = now, p.took
		if p.failure != "" {
			f.failing--
		}
		p.table, p.failure, p.since = t, "", time.Time{}
		if before == 1 && f.failing == 0 {
			return recovered
		}
		return noNews
	}
	if p.failure == "" {
		p.since = now
		f.failing++
	}
	p.failure = sentence(err.Error())
	var pe *panicError
	if errors.As(err, &pe) && !f.panicked {
		f.panicked = true
		return panicked
	}
	if before == 0 {
		return degraded
	}
	return noNews
}

// report logs what has changed for the whole feed; single failures are readings and counters.
func (p *poll) report(log *slog.Logger, n news, err error) {
	sub := Subscription(p.key).String()
	switch n {
	case degraded:
		log.Warn("feed degraded", "feed", p.feed.Name, "subscription", sub, "err", err)
	case recovered:
		log.Info("feed recovered", "feed", p.feed.Name, "subscription", sub)
	case panicked:
		var pe *panicError
		errors.As(err, &pe)
		log.Error("source panicked; further panics of this feed are not logged", "feed", p.feed.Name, "subscription", sub, "err", err, "stack", string(pe.stack))
	}
}
