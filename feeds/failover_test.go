package feeds

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestSourceThatOneNodeCannotReach is polled by another then, for all.
func TestSourceThatOneNodeCannotReach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, good := newMesh(t), slowly(time.Second)
		defer m.stop()
		bad := &fakeSource{Description: wholeTable}
		bad.PollFn = func(context.Context, Query) (Result, error) {
			return Result{}, errors.New("no route to host")
		}
		cut := m.join(0, Feed{Name: "a", Source: bad})
		sub, _ := cut.watch("a")
		time.Sleep(3 * time.Second)
		other := m.join(0, Feed{Name: "a", Source: good})
		other.watch("a")
		time.Sleep(60 * time.Second)
		for _, n := range m.nodes {
			if r := n.last(sub); r.Status != OK {
				t.Errorf("%s shows %s", n.name, describe(r, n.t0))
			}
		}
		if bad.count() > 3 || good.count() < 5 {
			t.Errorf("%d polls failed and %d did not, at %v; want the node that can to go on", bad.count(), good.count(), good.starts(cut.t0))
		}
	})
}

// TestSourceThatNobodyReaches is asked by one node after the other, once an interval at first and then less often.
func TestSourceThatNobodyReaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), failing(1, 100)
		defer m.stop()
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		sub := watchAll(nodes, 1, "a")
		time.Sleep(165 * time.Second)
		wantGaps(t, src.starts(nodes[0].t0), 1, 1, 1, 1, 2, 3, 5)
		wantEqual(t, nodes, sub)
	})
}
