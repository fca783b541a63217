package feeds

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestDegradedNodesPollForThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		feed := Feed{Name: "a", Source: src}
		nodes := []*meshNode{m.join(0, feed), m.join(15*time.Second, feed), m.join(0, feed)}
		sub := watchAll(nodes, 10, "a")
		time.Sleep(25 * time.Second)
		for _, n := range nodes {
			n.set(func(n *meshNode) { n.alone = true })
		}
		before := src.count()
		time.Sleep(40 * time.Second)
		if got := src.count() - before; got != 12 {
			t.Errorf("%d polls of 3 nodes alone in 4 intervals; want 12", got)
		}
		for _, n := range nodes {
			if r := n.last(sub); r.Status != OK || time.Since(r.At) > 10*time.Second {
				t.Errorf("%s alone shows %s", n.name, describe(r, n.t0))
			}
			n.set(func(n *meshNode) { n.alone = false })
		}
		time.Sleep(20 * time.Second)
		before = src.count()
		time.Sleep(50 * time.Second)
		if got := src.count() - before; got != 5 {
			t.Errorf("%d polls in 5 intervals when they are together again; want 5", got)
		}
		for _, n := range nodes[1:] {
			if got, want := n.last(sub).Version, nodes[0].last(sub).Version; got != want {
				t.Errorf("%s has version %d, the first has %d", n.name, got, want)
			}
		}
	})
}

func TestClaimsThatFail(t *testing.T) {
	faults := map[string]func(*meshNode){
		"fails":  func(n *meshNode) { n.fails = true },
		"hangs":  func(n *meshNode) { n.hangs = true },
		"unsure": func(n *meshNode) { n.unsure = true },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, src := newMesh(t), slowly(0)
				defer m.stop()
				nodes := m.joinAll(3, Feed{Name: "a", Source: src})
				sub := watchAll(nodes, 1, "a")
				time.Sleep(25 * time.Second)
				m.polledLast("a").set(fault)
				time.Sleep(60 * time.Second)
				starts := src.starts(nodes[0].t0)
				for i := range starts[1:] {
					if gap := starts[i+1] - starts[i]; gap < 9.9 || gap > 20.5 {
						t.Errorf("polls at %v; want one an interval, and a single one missed at most", starts)
					}
				}
				for _, n := range nodes {
					if r := n.last(sub); r.Status != OK || name != "hangs" && time.Since(r.At) > 20*time.Second {
						t.Errorf("%s shows %s", n.name, describe(r, n.t0))
					}
					n.set(func(n *meshNode) { n.fails, n.hangs, n.unsure = false, false, false })
				}
				time.Sleep(21 * time.Second)
				for _, n := range nodes {
					if r := n.last(sub); time.Since(r.At) > 11*time.Second || r.Version != nodes[0].last(sub).Version {
						t.Errorf("%s shows %s after the fault", n.name, describe(r, n.t0))
					}
				}
			})
		})
	}
}

func TestNobodyPollsWhileNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		n := m.join(0, Feed{Name: "a", Source: src})
		n.set(func(n *meshNode) { n.hangs = true })
		sub, _ := n.watch("a")
		time.Sleep(35 * time.Second)
		wantReadings(t, n.readings(sub), n.t0, []string{"loading since 0s"})
		if src.count() != 0 {
			t.Errorf("%d polls", src.count())
		}
		n.set(func(n *meshNode) { n.hangs, n.alone = false, true })
		time.Sleep(10 * time.Second)
		if r := n.last(sub); r.Status != OK {
			t.Errorf("alone: %s", describe(r, n.t0))
		}
	})
}

func TestFailuresTravel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &fakeSource{Description: wholeTable}
		src.PollFn = func(ctx context.Context, q Query) (Result, error) {
			if n := src.count(); 3 <= n && n <= 6 {
				return Result{}, errDown
			}
			return Result{Records: []Record{{"id": "x", "value": 1.5}}}, nil
		}
		feed := Feed{Name: "a", Source: src}
		nodes := []*meshNode{m.join(0, feed), m.join(0, feed)}
		sub := watchAll(nodes, 1, "a")
		time.Sleep(35 * time.Second)
		late := m.join(0, feed)
		late.watch("a")
		time.Sleep(time.Second)
		if r := late.last(sub); r.Reason != ReasonFailed || r.Page == nil || r.Error != "Connect to database: refused." {
			t.Errorf("a late node shows %s: %s; want the last good page and why it is old", describe(r, nodes[0].t0), r.Error)
		}
		time.Sleep(35 * time.Second)
		wantEqual(t, m.nodes, sub)
		list := nodes[1].readings(sub)
		var got []string
		for _, r := range list {
			r.At, r.Since = r.At.Truncate(time.Second), r.Since.Truncate(time.Second)
			got = append(got, describe(r, nodes[0].t0.Truncate(time.Second)))
		}
		want := "ok at 0s, ok at 10s same, stale failed since 20s at 10s, stale failed since 20s at 10s same, " +
			"stale failed since 20s at 10s same, stale failed since 20s at 10s same, ok at 1m0s, ok at 1m10s same"
		if s := strings.Join(got, ", "); s != want {
			t.Errorf("readings:\n%s\nwant:\n%s", s, want)
		}
		for _, n := range m.nodes {
			n.Scheduler.mu.Lock()
			if f := n.Scheduler.feeds["a"]; f.failing != 0 {
				t.Errorf("%s counts %d failing polls", n.name, f.failing)
			}
			n.Scheduler.mu.Unlock()
		}
	})
}

func TestSourceStuckOnOneNodeIsAskedByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		free := make(chan struct{})
		good := slowly(0)
		bad := &fakeSource{Description: wholeTable, PollFn: func(context.Context, Query) (Result, error) {
			<-free
			return Result{}, nil
		}}
		first := m.join(0, Feed{Name: "a", Source: bad})
		sub, _ := first.watch("a")
		time.Sleep(25 * time.Second)
		if r := first.last(sub); r.Status != Failed || r.Error != "The source has not ended its poll of 00:00:00 UTC." || bad.count() != 1 {
			t.Errorf("stuck: %s, %q, %d polls", describe(r, first.t0), r.Error, bad.count())
		}
		second := m.join(0, Feed{Name: "a", Source: good})
		second.watch("a")
		time.Sleep(40 * time.Second)
		for _, n := range m.nodes {
			if r := n.last(sub); r.Status != OK {
				t.Errorf("%s shows %s", n.name, describe(r, n.t0))
			}
		}
		if got := good.count(); got != 4 {
			t.Errorf("%d polls of the node whose source answers; want 4", got)
		}
		close(free)
		m.stop()
	})
}
