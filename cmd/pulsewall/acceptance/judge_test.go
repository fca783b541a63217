package acceptance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// judge waits for so many intervals, looks meanwhile each second, and then holds what all viewers have seen against what was polled.
func (a *audience) judge(f *fleet, intervals int, look func()) ledger {
	a.t.Helper()
	interval := rhythm()
	from := time.Now()
	for to := from.Add(time.Duration(intervals) * interval); time.Now().Before(to); pass(a.t, time.Second) {
		look()
	}
	if !isLong() { // a busy machine takes longer
		eventually(a.t, 5*time.Minute, func() error { return f.tally.ledger().least(from, intervals/2-1) })
	}
	to := time.Now()
	a.all(2*interval, func(s seen) bool { return s.At.After(to) })
	l := f.tally.ledger()
	a.count(l, from, to, intervals)
	a.compare(l, from)
	return l
}

// count says what was not polled once an interval.
func (a *audience) count(l ledger, from, to time.Time, intervals int) {
	a.t.Helper()
	for _, about := range slices.Sorted(maps.Keys(l.polls)) {
		polls := l.between(about, from, to)
		off := time.Duration(0)
		for i := 1; i < len(polls); i++ {
			gap := polls[i].begin.At.Sub(polls[i-1].begin.At) - rhythm()
			off = max(off, gap.Abs())
			if gap < -noise() { // late it may be on a busy machine, and never early
				a.t.Errorf("%s: poll %v after %v: want one poll an interval", about, polls[i], polls[i-1])
			}
		}
		n, most := len(polls), max(intervals, int(to.Sub(from)/rhythm()))+1
		if n > most || isLong() && (n < intervals-1 || off > noise()) { // a busy machine may be late
			a.t.Errorf("%s: %d polls in %d intervals, and one was %v off its time; want one poll an interval: %v",
				about, n, most-1, off, polls)
		}
		if !strings.Contains(about, " ") || strings.HasPrefix(about, "paged /0/") {
			a.t.Logf("%s: %d polls in %d intervals, at most %v off their time: %v", about, len(polls), intervals, off.Round(time.Millisecond), polls)
		}
	}
}

// known is what one version of a subscription was to whoever saw it first.
type known struct {
	seen
	by *viewer
}

// compare says what of all that was seen is not as it should be. What one version shows is the same to all. Since the given time, each
// viewer has every poll, in order, with times on the right clock, and soon.
func (a *audience) compare(l ledger, since time.Time) {
	a.t.Helper()
	versions := make(map[string]known)
	var slowest, at, due time.Duration
	all, missed, failed := 0, 0, 0
	for _, v := range a.list {
		list := v.had()
		for i, s := range list {
			if s.came.After(l.closed) {
				break
			}
			key := fmt.Sprint(s.Sub, " ", s.Version)
			if k, ok := versions[key]; !ok {
				versions[key] = known{s, v}
			} else if k.poll != s.poll || string(k.Page) != string(s.Page) {
				a.t.Errorf("version %s is %s to %s and %s to %s", key, k.Page, k.by.name, s.Page, v.name)
			}
			if s.Status == "stale" && !isLong() { // a busy machine may be too slow for a poll, which is said
				if !s.came.Before(since) {
					failed++
				}
				continue
			}
			p, err := l.of(v, s)
			if s.came.Before(since) || err == nil && p.begin.At.Before(since) {
				continue
			}
			if err == nil && i > 0 {
				var n int
				n, err = l.follows(list[i-1], s)
				missed += n
				all++
			}
			if err != nil {
				a.t.Errorf("%s: %v", v.name, err)
				return // the others say no more
			}
			at = max(at, s.At.Sub(p.end.At).Abs())
			if i > 0 {
				slowest = max(slowest, s.came.Sub(p.end.At))
			}
			due = max(due, s.Due.Sub(p.end.At.Add(rhythm())).Abs())
		}
	}
	if missed > 0 && isLong() || missed > all/3+failed { // who does not come in time for one, on a busy machine, gets the next; one that said that its poll failed stands for that
		a.t.Errorf("%d of %d readings never came, %d said that the poll failed", missed, all, failed)
	}
	if off := max(noise(), unhurried(0)/10); at > off || due > off { // a wrong clock is 15 s wrong, a busy machine some seconds late
		a.t.Errorf("readings were %v off the time of their poll, %v off the next one; want times on the clock of the node that answers", at, due)
	}
	if slowest > unhurried(rhythm()+noise()) {
		a.t.Errorf("a reading came %v after its poll had ended", slowest)
	}
	a.t.Logf("%d viewers, %d readings, %d missed, %d of failed polls: at is right to %v, due to %v; readings are there after %v at most", len(a.list), all, missed, failed, at.Round(time.Millisecond),
		due.Round(time.Millisecond), slowest.Round(time.Millisecond))
}
