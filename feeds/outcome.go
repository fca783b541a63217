package feeds

import (
	"errors"
	"slices"
	"time"
)

// outcome is what the newest attempt of a poll came to, with the newest good table.
type outcome struct {
	table    *table    // newest that was good
	failure  string    // of the newest attempt; empty: it was good
	failures int       // in a row, on whichever nodes; each of an attempt of its own
	since    time.Time // of the first of the failures
	settled  time.Time // when the newest attempt ended; zero: none has
	took     time.Duration
	aged     bool // what was pushed was told to be old
}

// panicError is what became of a panic in a source.
type panicError struct {
	value string
	stack []byte
}

func (e *panicError) Error() string { return "the source panicked: " + e.value }

// stuckError says that a source still has not ended a poll whose time is over. It was not asked again.
type stuckError struct{ since time.Time }

func (e *stuckError) Error() string {
	return "the source has not ended its poll of " + e.since.UTC().Format("15:04:05 UTC")
}

// news is what the outcome of a poll means to whoever runs the server.
type news int

const (
	noNews news = iota
	degraded
	recovered
	panicked
)

// report is news with its cause.
type report struct {
	news news
	err  error
}

// settle keeps the outcome of an attempt that has just ended here.
func (p *poll) settle(now time.Time, took time.Duration, t *table, err error) news {
	o := outcome{table: p.table, settled: now, took: took}
	if err == nil {
		p.stamp(t, now)
		o.table = t
		return p.become(o)
	}
	o.failure, o.failures, o.since = sentence(err.Error()), p.failures, p.since
	if stuck := (*stuckError)(nil); !errors.As(err, &stuck) {
		o.failures++
	}
	if p.failure == "" {
		o.since = now
	}
	n := p.become(o)
	var pe *panicError
	if errors.As(err, &pe) && !p.feed.panicked {
		p.feed.panicked = true
		return panicked
	}
	return n
}

// become makes o what p shows.
func (p *poll) become(o outcome) news {
	f, failed, fails := p.feed, p.failure != "", o.failure != ""
	p.outcome, p.empty = o, false
	switch {
	case fails && !failed:
		if f.failing++; f.failing == 1 {
			return degraded
		}
	case failed && !fails:
		if f.failing--; f.failing == 0 {
			return recovered
		}
	}
	return noNews
}

// announce gives the newest outcome of p to all that hang on it, tells what it means, and returns what it is.
func (s *Scheduler) announce(p *poll, now time.Time, r report) Status {
	s.mu.Lock()
	status := s.show(p, now)
	s.mu.Unlock()
	s.report(p, r)
	s.ring()
	return status
}

// show gives the newest outcome to all that hang on p. It is called with mu held, and lets go of it between one and the
// next, so that many subscriptions hold up nobody else.
func (s *Scheduler) show(p *poll, now time.Time) Status {
	version, views := p.version(), make(views)
	status := p.status(now, views)
	for _, e := range slices.Clone(p.entries) {
		old := !p.fresh(now) && (e.last == nil || e.last.Status == Loading || !e.asked.IsZero()) // nobody who comes gets old data first
		if s.wanted[e.sub] == e && p.version() == version && !old {
			s.publishTo(e, now, views)
		}
		s.mu.Unlock()
		s.mu.Lock()
	}
	return status
}

// report logs what has changed for the whole feed; single failures are readings and counters.
func (s *Scheduler) report(p *poll, r report) {
	log, sub := s.opts.Logger, Subscription(p.key).String()
	switch r.news {
	case degraded:
		log.Warn("feed degraded", "feed", p.feed.Name, "subscription", sub, "err", r.err)
	case recovered:
		log.Info("feed recovered", "feed", p.feed.Name, "subscription", sub)
	case panicked:
		var pe *panicError
		errors.As(r.err, &pe)
		log.Error("source panicked; further panics of this feed are not logged", "feed", p.feed.Name, "subscription", sub, "err", r.err, "stack", string(pe.stack))
	}
}
