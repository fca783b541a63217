package feeds

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Sink takes what the scheduler makes. Calls come from one goroutine, those for one subscription in order; they must not block.
type Sink interface {
	// Put takes a reading newer than all before it of its subscription.
	Put(Reading)
	// Drop is told that nobody wants the subscription any more: what is kept of it is old from now on.
	Drop(Subscription)
}

// Options tune a Scheduler. The zero value is ready to use.
type Options struct {
	Interval         time.Duration                                        // of every feed, instead of its own; 1 s to 1 h
	MaxPolls         int                                                  // distinct polls in all; default 10,000
	MaxPollsPerFeed  int                                                  // default 1,000
	MaxSubscriptions int                                                  // distinct subscriptions in all; default 50,000
	Concurrency      int                                                  // polls of one feed at the same time; default 32
	Node             string                                               // name of this node, to which plain host resolves
	Observe          func(feed string, took time.Duration, status Status) // called after each poll, for metrics; OK, Stale (source-old) or Failed
	Judged           func(Verdict)                                        // called after each good poll of a feed with alerts, by the node that made it; must not block
	Logger           *slog.Logger                                         // default: slog.Default()
	Peers            Peers                                                // with whom polls are shared; default: this node is alone
	MaxCarried       int                                                  // bytes of a table that Peers can carry; one that has more is a failure; default: no bound
	Past             Past                                                 // what is known from before this process; default: nothing
	Now              func() time.Time                                     // the clock of versions and of times that go to other nodes; default: time.Now
}

func (o Options) withDefaults() Options {
	o.MaxPolls = cmp.Or(o.MaxPolls, 10_000)
	o.MaxPollsPerFeed = cmp.Or(o.MaxPollsPerFeed, 1_000)
	o.MaxSubscriptions = cmp.Or(o.MaxSubscriptions, 50_000)
	o.Concurrency = cmp.Or(o.Concurrency, 32)
	o.Logger = cmp.Or(o.Logger, slog.Default())
	if o.Observe == nil {
		o.Observe = func(string, time.Duration, Status) {}
	}
	if o.Judged == nil {
		o.Judged = func(Verdict) {}
	}
	return o
}

// idleLook is how long the scheduler sleeps when nothing is due.
const idleLook = time.Hour

// Scheduler polls what is wanted: each distinct poll once an interval, however many watch it.
// All methods may be called concurrently.
type Scheduler struct {
	opts  Options
	sink  Sink
	feeds map[string]*feed // not changed after NewScheduler
	bell  chan struct{}    // size 1: rung when the loop has something to do before its timer
	ended chan struct{}    // closed when Run is over

	mu      sync.Mutex
	started bool                    // Run was called; guarded by mu, like all below
	wanted  map[Subscription]*entry // by resolved subscription
	polls   map[pollKey]*poll       // wanted, running, or younger than their interval
	due     agenda[*poll]           // by start of the next poll
	looks   agenda[*entry]          // by when an entry may be unwanted or still loading
	idle    idle[*entry]            // entries to evict
	outbox  []delivery              // for the sink, in order
	floor   int64                   // the highest version of what was forgotten
	active  int                     // polls with subscriptions

	abroad   map[pollKey]*poll       // those of polls that other nodes have to make
	untold   map[*poll]struct{}      // pushed while there were no other nodes
	errands  []func(context.Context) // to start, of polls that are busy
	unwanted []string                // names of forgotten polls, for Peers.Unwant

	leaving    bool          // HandOver was called
	sharing    int           // polls running here that other nodes could make
	handedOver chan struct{} // closed when there are none; nil: nobody waits for that
}

// delivery is one call of the sink.
type delivery struct {
	to      *entry
	reading *Reading // nil: drop
}

// NewScheduler returns a scheduler of feeds that gives readings to sink. Nothing is polled until Run.
// Errors say which feed or option is wrong, and what is allowed.
func NewScheduler(feeds []Feed, sink Sink, opts Options) (*Scheduler, error) {
	opts = opts.withDefaults()
	byName, err := checkFeeds(feeds, opts)
	if err != nil {
		return nil, err
	}
	return &Scheduler{
		opts:   opts,
		sink:   sink,
		feeds:  byName,
		bell:   make(chan struct{}, 1),
		ended:  make(chan struct{}),
		wanted: make(map[Subscription]*entry),
		polls:  make(map[pollKey]*poll),
		abroad: make(map[pollKey]*poll),
		untold: make(map[*poll]struct{}),
	}, nil
}

// Run polls until ctx ends and returns when the last poll has, and the sources that can be closed are. It cannot return while a source ignores the end of its
// context: a caller that has to be gone by a certain time must not wait for Run longer than that. Run may be called once.
func (s *Scheduler) Run(ctx context.Context) error {
	if err := s.start(time.Now()); err != nil {
		return err
	}
	defer close(s.ended)
	defer s.closeSources() // when nothing polls them any more
	var running sync.WaitGroup
	defer running.Wait()
	for _, f := range s.feeds {
		if r, ok := f.Source.(Runner); ok {
			running.Go(func() { s.run(ctx, f, r) })
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-s.bell:
		}
		now := time.Now()
		s.mu.Lock()
		begin := s.step(now)
		out, errands, unwanted := s.outbox, s.errands, s.unwanted
		s.outbox, s.errands, s.unwanted = nil, nil, nil
		wait := min(s.due.next(now, idleLook), s.looks.next(now, idleLook))
		s.mu.Unlock()
		for _, name := range unwanted { // first: somebody may want it again by now
			s.opts.Peers.Unwant(name)
		}
		for _, p := range begin {
			running.Go(func() { s.poll(ctx, p) })
		}
		for _, do := range errands {
			running.Go(func() { do(ctx) })
		}
		s.deliver(out)
		timer.Reset(wait)
	}
}

// closeSources lets go of what the sources hold.
func (s *Scheduler) closeSources() {
	for _, f := range s.feeds {
		if c, ok := f.Source.(io.Closer); ok {
			if err := c.Close(); err != nil {
				s.opts.Logger.Warn("source not closed", "feed", f.Name, "err", err)
			}
		}
	}
}

// start spreads what was pinned before Run.
func (s *Scheduler) start(now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started {
		return errors.New("scheduler: Run was called before")
	}
	s.started = true
	for _, p := range s.polls {
		if p.spread {
			s.due.set(p, now.Add(p.offset()))
		}
	}
	return nil
}

// step forgets what is no longer wanted and returns the polls to start now. Forgetting comes first, so that what is
// wanted for 3 intervals is polled 3 times.
func (s *Scheduler) step(now time.Time) []*poll {
	for {
		e, ok := s.looks.pop(now)
		if !ok {
			break
		}
		s.look(e, now)
	}
	for {
		p, ok := s.due.pop(now)
		if !ok {
			break
		}
		s.tick(p, now)
	}
	var begin []*poll
	for _, f := range s.feeds {
		begin = append(begin, f.takeWaiting(s, now)...)
	}
	return begin
}

// deliver calls the sink, outside the lock, and then lets those go on who wait for a first reading.
func (s *Scheduler) deliver(out []delivery) {
	for _, d := range out {
		if d.reading == nil {
			s.sink.Drop(d.to.sub)
			continue
		}
		s.sink.Put(*d.reading)
		s.mu.Lock()
		d.to.delivered = d.reading
		d.to.answer()
		s.mu.Unlock()
	}
}

// Polls returns how many distinct polls are wanted now.
func (s *Scheduler) Polls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.active
}

// ring wakes the loop. A bell that was rung already is as good.
func (s *Scheduler) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}
