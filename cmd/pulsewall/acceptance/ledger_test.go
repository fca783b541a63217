package acceptance

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// pollOf is one poll as its source saw it.
type pollOf struct {
	number     int // as its records say it
	rank       int // how many of what it is about had ended before it
	begin, end tallied
}

func (p pollOf) ended() bool { return !p.end.At.IsZero() }

func (p pollOf) String() string {
	return fmt.Sprint(p.number, " by ", p.begin.Node, " at ", p.begin.At.Format("05.000"))
}

// ledger is all polls, by what they are about, in order.
type ledger struct {
	polls  map[string][]*pollOf
	number map[int]*pollOf
	by     map[string]int // how many a node made
	closed time.Time      // what came later is not in it
}

func (y *tally) ledger() ledger {
	l := ledger{make(map[string][]*pollOf), make(map[int]*pollOf), make(map[string]int), time.Now()}
	for i, one := range y.all() {
		about := strings.TrimSuffix(one.Feed+" "+one.Page, " ")
		if one.What == "begin" {
			p := &pollOf{number: i + 1, begin: one}
			l.polls[about], l.number[p.number] = append(l.polls[about], p), p
			l.by[one.Node]++
			continue
		}
		if p := l.lastOf(about, one.Node); p != nil && !p.ended() {
			p.end = one
		}
	}
	for _, polls := range l.polls {
		slices.SortStableFunc(polls, func(a, b *pollOf) int { return a.begin.At.Compare(b.begin.At) }) // a busy machine tells late of some
		rank := 0
		for _, p := range polls {
			p.rank = rank
			if p.ended() {
				rank++
			}
		}
	}
	return l
}

// lastOf is the last poll of a node.
func (l ledger) lastOf(about, node string) (last *pollOf) {
	for _, p := range l.polls[about] {
		if p.begin.Node == node {
			last = p
		}
	}
	return last
}

// between are the polls of one subject that began in a span.
func (l ledger) between(about string, from, to time.Time) (list []*pollOf) {
	for _, p := range l.polls[about] {
		if !p.begin.At.Before(from) && !p.begin.At.After(to) {
			list = append(list, p)
		}
	}
	return list
}

// least says what was polled less than n times since a time, also if nothing was ever polled.
func (l ledger) least(since time.Time, n int) error {
	if len(l.polls) == 0 {
		return errors.New("nothing was polled")
	}
	for about := range l.polls {
		if got := len(l.between(about, since, l.closed)); got < n {
			return fmt.Errorf("%s: %d polls; want %d at least", about, got, n)
		}
	}
	return nil
}

// of returns the poll that a reading is from.
func (l ledger) of(v *viewer, s seen) (*pollOf, error) {
	p := l.number[s.poll]
	switch {
	case s.Status != "ok" || p == nil:
		return nil, fmt.Errorf("status %q, of poll %d: %s", s.Status, s.poll, s.Page)
	case p.begin.Feed != v.feed || !p.ended():
		return nil, fmt.Errorf("a reading of poll %v", p)
	}
	return p, nil
}

// follows says what is wrong when s is what a viewer has after before, or how many it missed.
func (l ledger) follows(before, s seen) (missed int, err error) {
	p, earlier := l.number[s.poll], l.number[before.poll]
	if s.Version <= before.Version || earlier == nil || p.rank <= earlier.rank {
		return 0, fmt.Errorf("version %d of poll %v after version %d of poll %v", s.Version, p, before.Version, earlier)
	}
	return p.rank - earlier.rank - 1, nil
}

func TestLeastWantsPolls(t *testing.T) {
	since := time.Now()
	if err := (ledger{}).least(since, 0); err == nil {
		t.Error("nothing was polled, and that is enough")
	}
	l := ledger{polls: map[string][]*pollOf{"a": {{begin: tallied{At: since}}}}, closed: since}
	if err := l.least(since, 1); err != nil {
		t.Error(err)
	}
	if err := l.least(since, 2); err == nil {
		t.Error("one poll is enough for two")
	}
}
