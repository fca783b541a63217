package acceptance

import (
	"fmt"
	"testing"
	"time"
)

// TestPollersThroughABalancer has 300 long pollers whose every request reaches another of three nodes: they are 300 on each node at any
// time, and cost one poll an interval.
func TestPollersThroughABalancer(t *testing.T) {
	t.Parallel()
	kinds := []string{"nginx"}
	if isLong() {
		kinds = append(kinds, "haproxy")
	}
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 1, nil, 3, nodeSettings{Interval: rhythm()})
			var addresses []string
			for _, n := range f.nodes {
				addresses = append(addresses, n.address())
			}
			pollers(t, f, newBalancer(t, kind, addresses...))
		})
	}
}

func pollers(t *testing.T, f *fleet, balancer *site) {
	const intervals, many = 10, 300
	a := newAudience(t)
	for range many {
		a.watch(balancer, "poll", "counter", 1)
	}
	a.all(30*time.Second, nil)
	eventually(t, 30*time.Second, func() error { return f.allHere(t, many) })
	settled := time.Now()
	a.all(60*time.Second, func(s seen) bool { return s.At.After(settled) })

	times := 0
	a.judge(f, intervals, func() {
		times++
		if err := f.allHere(t, many); err != nil {
			t.Errorf("after %v: %v", time.Since(settled).Round(time.Second), err)
		}
	})
	t.Logf("counted %d times: always %d", times, many)
	shares := deliveries(t, f.sites(), "poll")
	all := 0
	for _, n := range shares {
		all += n
	}
	for _, n := range shares {
		if n < all/6 {
			t.Errorf("events by node: %v; want a third from each", shares)
		}
	}
	t.Logf("events by node: %v", shares)
}

// allHere says which node counts others than so many users, each with one connection.
func (f *fleet) allHere(t *testing.T, many int) error {
	for i, n := range f.nodes {
		if p := presenceOf(t, &n.site); p.Users != many || p.Connections != many {
			return fmt.Errorf("node %d counts %d users and %d connections; want %d", i+1, p.Users, p.Connections, many)
		}
	}
	return nil
}
