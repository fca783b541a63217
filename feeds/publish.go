package feeds

import (
	"time"
)

// view is what a filter leaves of a table.
type view struct {
	records []Record
	newest  time.Time
}

// views keeps the views of one table while it is published, by parameters.
type views map[string]*view

// fresh says whether a new subscription may be served from what is kept: never from what is older than two intervals.
func (p *poll) fresh(now time.Time) bool {
	return !p.settled.IsZero() && age(p.settled, now) < 2*p.feed.Interval
}

// age is by whichever clock shows more: the monotonic one stands still while a machine sleeps, the wall clock may be set back.
func age(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// next is when the next reading is expected. It is told on the clock as it is now: one that was set, or a machine that
// slept, has moved it away from what it was when the tick was planned.
func (p *poll) next(now time.Time) time.Time {
	if p.attempt != nil && !p.attempt.settled {
		return now.Add(p.attempt.started.Sub(now) + p.took)
	}
	return now.Add(p.at.Sub(now) + p.took)
}

// deadline is when the first reading will be there, whatever the source does.
func (p *poll) deadline(now time.Time) time.Time {
	start := p.at
	if p.attempt != nil {
		start = p.attempt.started
	}
	return now.Add(start.Sub(now) + p.feed.timeout())
}

// status is the outcome of the newest attempt, for metrics.
func (p *poll) status(now time.Time, kept views) Status {
	if p.failure != "" {
		return Failed
	}
	if p.feed.old(p.view("", kept).newest, now) && p.judged() {
		return Stale
	}
	return OK
}

// publishTo gives e its reading of what is kept, as its newest.
func (s *Scheduler) publishTo(e *entry, now time.Time, kept views) {
	r := e.poll.reading(e, now, kept)
	r.Version = s.nextVersion(e, now)
	r.Before = e.version
	if old := e.last; old != nil && same(old, r) {
		r.Same = true
		r.Page = old.Page // equal: one of them is enough
	}
	e.history.add(r.At, r.Values)
	s.send(e, r)
}

func (s *Scheduler) nextVersion(e *entry, now time.Time) int64 {
	return max(now.UnixMicro(), e.version+1, s.floor+1)
}

func (s *Scheduler) send(e *entry, r *Reading) {
	e.version, e.last, e.asked = r.Version, r, time.Time{}
	s.outbox = append(s.outbox, delivery{to: e, reading: r})
}

func same(a, b *Reading) bool {
	return a.Status == b.Status && a.Reason == b.Reason && a.Error == b.Error && equalPages(a.Page, b.Page)
}

// reading is what e is shown of the newest attempt.
func (p *poll) reading(e *entry, now time.Time, kept views) *Reading {
	r := &Reading{Sub: e.sub, Due: p.next(now), Took: p.took, Status: OK}
	if t := p.table; t != nil {
		v := p.view(e.sub.Params, kept)
		r.At, r.SourceAt = t.at, v.newest
		if p.feed.desc.Whole {
			r.Page = cut(v.records, e.sub.Current, e.sub.Size)
		} else {
			r.Page = newPage(t.records, t.total, e.sub.Current, e.sub.Size)
		}
	}
	switch {
	case p.failure != "" && r.Page == nil:
		r.Status = Failed
	case p.failure != "":
		r.Status, r.Reason = Stale, ReasonFailed
	case p.feed.old(r.SourceAt, now) && p.judged():
		r.Status, r.Reason = Stale, ReasonSourceOld
		r.Since = p.oldSince(e, r.SourceAt, now)
	}
	if p.failure != "" {
		r.Error, r.Since = p.failure, p.since
		return r
	}
	r.Values = p.feed.desc.values(r.Page)
	return r
}

// view filters the table, once for all subscriptions with the same parameters.
func (p *poll) view(params string, kept views) *view {
	if v := kept[params]; v != nil {
		return v
	}
	f, t := p.feed, p.table
	v := &view{records: filter(t.records, params), newest: t.newest}
	if v.newest.IsZero() && p.judged() {
		v.newest = newest(v.records, f.TimeField, t.at, f.MaxAge)
	}
	if params != "" && len(v.records) == 0 {
		v.newest = p.view("", kept).newest // no row to be old: the table's age decides
	}
	if kept != nil {
		kept[params] = v
	}
	return v
}

// judged says whether the age of the data can be told. Of a table that the source cuts, the first page stands for the
// whole: a later one is old in the best of tables.
func (p *poll) judged() bool {
	return p.feed.desc.Whole || p.key.Current == 1 || p.table != nil && !p.table.newest.IsZero()
}

// old says whether data is older than the feed allows. Where no time can be read, nothing shows that it is not.
func (f *feed) old(newest, now time.Time) bool {
	return f.MaxAge > 0 && now.Sub(newest) > f.MaxAge
}

// oldSince is when the data became too old, or when that was first seen if the data has no time.
func (p *poll) oldSince(e *entry, newest, now time.Time) time.Time {
	if !newest.IsZero() {
		return newest.Add(p.feed.MaxAge)
	}
	if last := e.last; last != nil && last.Reason == ReasonSourceOld {
		return last.Since
	}
	return now
}
