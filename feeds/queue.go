package feeds

import (
	"slices"
	"time"
)

// queue has the polls of a feed that may start as soon as others have ended. Where there are too many, those whose time was
// announced go before those that were never polled; once one of these has waited for half an interval, both take turns, so
// that neither waits for all of the other. Its zero value is empty.
type queue struct {
	announced, first []waiting
	yields           bool // the last start was an announced one's, for which a first one waited too long
}

// waiting is a poll and when it came into the queue.
type waiting struct {
	*poll
	since time.Time
}

func (q *queue) len() int { return len(q.announced) + len(q.first) }

func (q *queue) push(p *poll, now time.Time) {
	p.queued = true
	if p.settled.IsZero() {
		q.first = append(q.first, waiting{p, now})
		return
	}
	q.announced = append(q.announced, waiting{p, now})
}

// pop takes out the one whose turn it is. The queue must not be empty.
func (q *queue) pop(interval time.Duration, now time.Time) *poll {
	from := &q.announced
	switch {
	case len(q.announced) == 0:
		from, q.yields = &q.first, false
	case len(q.first) == 0 || now.Sub(q.first[0].since) <= interval/2:
		q.yields = false
	default:
		if q.yields {
			from = &q.first
		}
		q.yields = !q.yields
	}
	p := (*from)[0].poll
	(*from)[0] = waiting{}
	*from = (*from)[1:]
	p.queued = false
	return p
}

func (q *queue) remove(p *poll) {
	if !p.queued {
		return
	}
	p.queued = false
	is := func(w waiting) bool { return w.poll == p }
	q.announced, q.first = slices.DeleteFunc(q.announced, is), slices.DeleteFunc(q.first, is)
}

// bearable is the part of an interval by which a poll may begin late and keep its place in it.
const bearable = 20

// takePlace gives p its place in the interval when it begins for the first time, or has waited for too long: that many were due
// at once must not be so at each of their ticks.
func (s *Scheduler) takePlace(p *poll, now time.Time) {
	f := p.feed
	if p.share != nil { // it begins an interval after it began last
		return
	}
	if planned := p.at.Add(-f.Interval); p.settled.IsZero() || now.Sub(planned) > f.Interval/bearable {
		s.due.set(p, f.place(now, s.opts.MaxPollsPerFeed))
	}
}

// place is when a poll that begins now is due again: an interval later, or so much after that one gets room that all polls
// the feed may have would take half an interval.
func (f *feed) place(now time.Time, most int) time.Time {
	at, free := now.Add(f.Interval), f.placed.Add(f.Interval/2/time.Duration(most))
	if free.After(at) && free.Before(at.Add(f.Interval/2)) {
		at = free
	}
	f.placed = at
	return at
}
