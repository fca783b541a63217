package feeds

import (
	"context"
	"log/slog"
	"time"
)

// Sink takes what the scheduler makes. Calls for one subscription come in order; they must not block.
type Sink interface {
	// Put takes a reading newer than all before it of its subscription.
	Put(Reading)
	// Drop is told that nobody wants the subscription any more: what is kept of it is old from now on.
	Drop(Subscription)
}

// Options tune a Scheduler. The zero value is ready to use.
type Options struct {
	Interval        time.Duration                                        // of every feed, instead of its own
	MaxPolls        int                                                  // distinct polls in all; default 10,000
	MaxPollsPerFeed int                                                  // default 1,000
	Node            string                                               // name of this node, to which plain host resolves
	Observe         func(feed string, took time.Duration, status Status) // called after each poll, for metrics
	Logger          *slog.Logger
}

// Scheduler polls what is wanted: each distinct poll once an interval, however many watch it.
type Scheduler struct{}

// NewScheduler returns a scheduler of feeds that gives readings to sink. Nothing is polled until Run.
func NewScheduler(feeds []Feed, sink Sink, opts Options) (*Scheduler, error) { panic("later") }

// Run polls until ctx ends and returns when the last poll has.
func (s *Scheduler) Run(ctx context.Context) error { panic("later") }

// Feeds returns the feeds, sorted by name, defaults filled in.
func (s *Scheduler) Feeds() []Feed { panic("later") }

// Resolve checks sub against its feed and returns the canonical one: unionId dropped where records are shared by all
// users, defaults filled in. Errors: ErrUnknownFeed, ErrBadSubscription.
func (s *Scheduler) Resolve(sub Subscription) (Subscription, error) { panic("later") }

// Interval returns the interval of a resolved subscription.
func (s *Scheduler) Interval(sub Subscription) time.Duration { panic("later") }

// Watch keeps the resolved sub wanted until release is called, and for 3 intervals after. Error: ErrTooManyPolls.
func (s *Scheduler) Watch(sub Subscription) (release func(), err error) { panic("later") }

// Want keeps sub wanted for 3 intervals from now. Error: ErrTooManyPolls.
func (s *Scheduler) Want(sub Subscription) error { panic("later") }

// Pin keeps sub wanted for ever.
func (s *Scheduler) Pin(sub Subscription) error { panic("later") }

// Newest wants sub and returns its newest reading. When there is none yet it waits for the first poll until ctx ends,
// 2 s at most, and then returns one that is Loading.
func (s *Scheduler) Newest(ctx context.Context, sub Subscription) (Reading, error) { panic("later") }

// History returns the points of the last hour of sub up to and including until, by series name. The caller must not change them.
func (s *Scheduler) History(sub Subscription, until time.Time) map[string][]Point { panic("later") }

// Polls returns how many distinct polls are wanted now.
func (s *Scheduler) Polls() int { panic("later") }
