package feeds

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// Whatever happens to nodes that share their polls, versions rise on each of them (the recorder looks), equal versions
// are equal readings unless a node was alone, and when all is well again there is one poll an interval.
func TestSharingComesRightAgain(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				chaos(t, rand.New(rand.NewPCG(seed, 7)))
			})
		})
	}
}

func chaos(t *testing.T, rnd *rand.Rand) {
	m := newMesh(t)
	defer m.stop()
	quick := slowly(0)
	src := &fakeSource{Description: wholeTable}
	takes := make(chan time.Duration, 1)
	src.PollFn = func(ctx context.Context, q Query) (Result, error) {
		d := <-takes
		takes <- d
		time.Sleep(d) // deaf to its context: 9 s is too much
		return quick.Poll(ctx, q)
	}
	takes <- 0
	feed := Feed{Name: "a", Source: src}
	for i := range 5 {
		m.join(time.Duration(i-2)*7*time.Second, feed)
	}
	sub := watchAll(m.nodes, 3, "a")
	for range 60 {
		<-takes
		takes <- []time.Duration{0, 300 * time.Millisecond, 6 * time.Second, 9 * time.Second}[rnd.IntN(4)]
		fault := rnd.IntN(12)
		m.nodes[rnd.IntN(len(m.nodes))].set(func(n *meshNode) {
			n.alone, n.hangs, n.fails, n.unsure = fault == 0, fault == 1, fault == 2, fault == 3
		})
		time.Sleep(time.Duration(rnd.IntN(20_000)) * time.Millisecond)
	}
	<-takes
	takes <- 2 * time.Second
	for _, n := range m.nodes {
		n.set(func(n *meshNode) { n.alone, n.hangs, n.fails, n.unsure = false, false, false, false })
	}
	time.Sleep(40 * time.Second)
	polls, began := src.count(), time.Now()
	time.Sleep(100 * time.Second)
	if got := src.count() - polls; got != 10 {
		t.Errorf("%d polls in 10 intervals at %v; want 10", got, src.starts(began)[polls:])
	}
	for _, n := range m.nodes {
		if r := n.last(sub); r.Status != OK || time.Since(r.At) > 13*time.Second || r.Version != m.nodes[0].last(sub).Version {
			t.Errorf("%s shows %s, version %d", n.name, describe(r, began), r.Version)
		}
	}
}
