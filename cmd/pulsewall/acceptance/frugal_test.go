package acceptance

import (
	"fmt"
	"testing"
	"time"
)

// TestSourceLoad counts the polls of a source on three nodes together, however many watch on however many of them: there is one an interval,
// that is six a minute. In short few watch; with PULSEWALL_LONG there are 10,000.
func TestSourceLoad(t *testing.T) {
	t.Parallel()
	type row struct{ nodes, viewers, pages int }
	rows, interval, intervals := []row{{1, 1, 1}, {3, 60, 1}, {3, 60, 60}}, time.Second, 3
	if isLong() {
		rows, interval, intervals = nil, rhythm(), 6
		for nodes := 1; nodes <= 3; nodes++ {
			for _, viewers := range []int{1, 100, 10_000} {
				rows = append(rows, row{nodes, viewers, 1})
			}
		}
		rows = append(rows, row{3, 100, 100})
	}
	f := newFleet(t, 1, nil, 3, nodeSettings{Interval: interval, Rows: 1000})
	for _, r := range rows {
		t.Run(fmt.Sprintf("%d viewers of %d pages on %d nodes", r.viewers, r.pages, r.nodes), func(t *testing.T) {
			h := newHorde(t)
			h.gather(r.viewers, func(i int) (*site, string) {
				return &f.nodes[i%r.nodes].site, fmt.Sprintf("feed=counter&current=%d&unionId=%d", i%r.pages+1, i+1)
			})
			from := time.Now()
			l, to := f.tally.ledger(), from
			polls := l.between("counter", from, to)
			span := time.Duration(intervals) * interval
			eventually(t, 2*span, func() error {
				l, to = f.tally.ledger(), time.Now()
				if polls = l.between("counter", from, to); len(polls) < intervals || to.Sub(from) < span {
					return fmt.Errorf("%d polls", len(polls))
				}
				return nil
			})
			most := int(to.Sub(from)/interval) + 1
			if !isLong() {
				most++ // one may be told late
			}
			if len(polls) > most {
				t.Errorf("%d polls in %v; want %d at most: %v", len(polls), to.Sub(from), most, polls)
			}
			for i := 1; i < len(polls); i++ {
				if gap := polls[i].begin.At.Sub(polls[i-1].begin.At); isLong() && gap < interval/2 {
					t.Errorf("%v after %v, by %s after %s", polls[i], gap, polls[i].begin.Node, polls[i-1].begin.Node)
				}
			}
			t.Logf("%d polls in %.1f intervals", len(polls), to.Sub(from).Seconds()/interval.Seconds())
		})
	}
}
