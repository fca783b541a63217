package feeds

import (
	"cmp"
	"slices"
	"time"
)

// view is what a filter leaves of a table.
type view struct {
	records []Record
	newest  time.Time
}

// views keeps the views of one table while it is published, by parameters.
type views map[string]*view

// fresh says whether a new subscription may be served from what is kept: never from what should have been replaced an interval ago.
func (p *poll) fresh(now time.Time) bool {
	return !p.settled.IsZero() && (p.feed.desc.Pushed || age(p.settled, now) < p.gap()+p.feed.Interval) || p.share != nil && p.share.gone
}

// age is by whichever clock shows more: the monotonic one stands still while a machine sleeps, the wall clock may be set back.
func age(then, now time.Time) time.Duration {
	return max(now.Sub(then), now.Round(0).Sub(then.Round(0)))
}

// next is when the next reading is expected. It is told on the clock as it is now: one that was set, or a machine that
// slept, has moved it away from what it was when the tick was planned.
func (p *poll) next(now time.Time) time.Time {
	if p.feed.desc.Pushed {
		return time.Time{}
	}
	if sh := p.share; sh != nil && sh.by != thisNode {
		if sh.gone {
			return time.Time{}
		}
		return now.Add(sh.due.Sub(now) + p.took)
	}
	if p.attempt != nil && !p.attempt.settled {
		return now.Add(p.attempt.started.Sub(now) + p.took)
	}
	return now.Add(p.at.Sub(now) + p.took)
}

// deadline is when the first reading will be there, whatever the source does.
func (p *poll) deadline(now time.Time) time.Time {
	if p.feed.desc.Pushed {
		return time.Time{}
	}
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
	if p.table != nil && p.feed.old(p.view("", kept).newest, p.asOf(now)) && p.judged() {
		return Stale
	}
	return OK
}

// publishTo gives e its reading of what is kept, as its newest.
func (s *Scheduler) publishTo(e *entry, now time.Time, kept views) {
	version := s.versionFor(e, now)
	if version <= e.version {
		return // it came by another way already
	}
	r := e.poll.reading(e, now, kept)
	r.Version = version
	r.Before = e.version
	if old := e.last; old != nil && same(old, r) {
		r.Same, r.SameAge = true, r.SourceAt.Equal(old.SourceAt)
		r.Page = old.Page // equal: one of them is enough
	}
	e.history.add(r.At, r.Values)
	s.send(e, r)
}

// versionFor is the version of the newest reading of e. Where nodes share polls it is that of the table, so that equal
// readings have equal versions on all of them.
func (s *Scheduler) versionFor(e *entry, now time.Time) int64 {
	sh := e.poll.share
	switch {
	case sh == nil:
		return s.nextVersion(e, now)
	case sh.gone:
		return sh.version + versionGone
	case e.poll.aged:
		return sh.version + versionAged
	}
	return sh.version
}

// loadingVersion is the version of a reading of e that is Loading. Where nodes share polls it is below that of the next
// table, whatever the clock of the node that polls it; 0: all such were used.
func (s *Scheduler) loadingVersion(e *entry, now time.Time) int64 {
	sh := e.poll.share
	if sh == nil {
		return s.nextVersion(e, now)
	}
	version := max(sh.version+versionLoading, e.version+1)
	if version >= sh.version+versionGone {
		return 0
	}
	return version
}

func (s *Scheduler) nextVersion(e *entry, now time.Time) int64 {
	return max(now.UnixMicro(), e.version+1, s.floor+1)
}

// version is that of the newest outcome; 0 when it has none of its own.
func (p *poll) version() int64 {
	if p.share == nil {
		return 0
	}
	return p.share.version
}

// asOf is the time at which the age of the data is judged: on all nodes the same, on the clock of the one that polled.
func (p *poll) asOf(now time.Time) time.Time {
	if p.share == nil || p.table == nil {
		return now
	}
	if p.aged {
		return p.table.asOf.Add(now.Sub(p.table.at))
	}
	return p.table.asOf
}

func (s *Scheduler) send(e *entry, r *Reading) {
	e.version, e.last, e.asked = r.Version, r, time.Time{}
	s.outbox = append(s.outbox, delivery{to: e, reading: r})
}

// same says whether b need not tell its page to who has a. Where only one of them has a time of its source, leaving out that of b would
// not say which.
func same(a, b *Reading) bool {
	return a.Status == b.Status && a.Reason == b.Reason && a.Error == b.Error && a.Note == b.Note && slices.Equal(a.Columns, b.Columns) &&
		a.SourceAt.IsZero() == b.SourceAt.IsZero() && equalPages(a.Page, b.Page)
}

// reading is what e is shown of the newest attempt.
func (p *poll) reading(e *entry, now time.Time, kept views) *Reading {
	r := &Reading{Sub: e.sub, Seen: now.Round(0), Due: p.next(now), Gap: p.gap(), Took: p.took, Status: OK, Circuit: p.circuit()}
	if p.share != nil {
		r.Seen = p.settled.Round(0)
	}
	if t := p.table; t != nil {
		v := p.view(e.sub.Params, kept)
		r.At, r.SourceAt, r.aged = t.at, v.newest, p.asOf(t.at).Sub(v.newest)
		r.Note, r.Columns = t.note, t.columns
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
	case p.feed.old(r.SourceAt, p.asOf(now)) && p.judged():
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
		v.newest = newest(v.records, f.TimeField, p.asOf(t.at), f.MaxAge)
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

// loading is the reading of a subscription that has none, or an old one only, since somebody came for it.
func (e *entry) loading(now time.Time) Reading {
	r := Reading{Sub: e.sub, Status: Loading, Gap: e.poll.feed.Interval, Seen: now.Round(0), Since: cmp.Or(e.asked, now), Due: e.poll.deadline(now)}
	if e.poll.feed.desc.Pushed {
		r.Error = nothingYet
	}
	return r
}
