package feeds

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// shown is a reading as a client could have it, times to the millisecond; what depends on the node's own past is left out.
func shown(r Reading) string {
	page, err := json.Marshal(r.Page)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintln(r.Version, r.Status, r.Reason, r.Error, r.At.UnixMilli(), r.SourceAt.UnixMilli(), r.Since.UnixMilli(), string(page), r.Values)
}

// wantEqual checks that the nodes were given the same readings, by version.
func wantEqual(t *testing.T, nodes []*meshNode, sub Subscription) {
	t.Helper()
	byVersion := make(map[int64]string)
	for _, n := range nodes {
		for _, r := range n.readings(sub) {
			if r.Status == Loading {
				continue
			}
			if other, there := byVersion[r.Version]; there && other != shown(r) {
				t.Errorf("version %d of %s differs:\n%s\n%s", r.Version, sub, other, shown(r))
			}
			byVersion[r.Version] = shown(r)
		}
	}
}

func TestOnePollAnIntervalForAllNodes(t *testing.T) {
	for _, takes := range []time.Duration{0, 6 * time.Second} {
		for _, skew := range []time.Duration{0, 15 * time.Second, -15 * time.Second} {
			t.Run(fmt.Sprintf("takes %s, clock ahead %s", takes, skew), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m, src := newMesh(t), slowly(takes)
					defer m.stop()
					feed := Feed{Name: "a", Source: src}
					nodes := []*meshNode{m.join(0, feed), m.join(skew, feed), m.join(0, feed)}
					sub := watchAll(nodes, 100, "a")
					time.Sleep(100*time.Second - time.Millisecond)
					if got := src.count(); got != 10 {
						t.Errorf("%d polls in 10 intervals at %v; want 10", got, src.starts(nodes[0].t0))
					}
					time.Sleep(8 * time.Second)
					for _, n := range nodes {
						var good int
						for _, r := range n.readings(sub) {
							if r.Status == OK {
								good++
							}
						}
						if last := n.last(sub); good != 11 || time.Since(last.At) > 9*time.Second || time.Until(last.Due) > 10*time.Second+takes || time.Until(last.Due) < time.Second {
							t.Errorf("%s: %d readings, the last read at %v, the next due at %v", n.name, good, last.At.Sub(n.t0), last.Due.Sub(n.t0))
						}
						if got := len(n.History(sub, time.Now())["0"]); got != 11 {
							t.Errorf("%s: %d points; want 11", n.name, got)
						}
					}
					wantEqual(t, nodes, sub)
					asked, given := m.claimsOf()
					if limit := 13; takes == 0 && asked > limit || given != 11 {
						t.Errorf("%d claims, %d given; want 11 given, and when polls are quick hardly more asked for", asked, given)
					}
				})
			})
		}
	}
}

func TestReadingsAreTheSameOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(50*time.Millisecond)
		defer m.stop()
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		own := map[*meshNode]Subscription{}
		for i, n := range nodes {
			own[n], _ = n.watch(fmt.Sprintf("a/-/%d/7", i+2))
		}
		all := watchAll(nodes, 1, "a/-/1/40")
		odd := watchAll(nodes, 1, "a/-/2/7;kind=odd")
		time.Sleep(45 * time.Second)
		nodes[0].kill()
		time.Sleep(40 * time.Second)
		if got := src.count(); got < 8 || got > 9 {
			t.Errorf("%d polls for all pages of all nodes; want 9, or 8 when one was lost with its node", got)
		}
		wantEqual(t, nodes, all)
		wantEqual(t, nodes, odd)
		for i, n := range nodes {
			p := n.last(own[n]).Page
			if p.Current != i+2 || p.Total != 40 || p.Records[0]["id"] != int64((i+1)*7) {
				t.Errorf("%s shows %+v", n.name, p)
			}
		}
		rec := nodes[1].last(all).Page.Records[0]
		if rec["exact"] != int64(1)<<53+1 || rec["big"].(uint64) <= 1<<63 || rec["tiny"] != 1e-9 || rec["huge"] != 1e20 {
			t.Errorf("numbers did not travel well: %v", rec)
		}
	})
}

func TestNodeThatPolledLastDies(t *testing.T) {
	for _, at := range []time.Duration{35 * time.Second, 31 * time.Second} { // between two polls, and in the middle of one
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, src := newMesh(t), slowly(3*time.Second)
				defer m.stop()
				nodes := m.joinAll(3, Feed{Name: "a", Source: src})
				sub := watchAll(nodes, 100, "a")
				time.Sleep(at)
				before := nodes[1].last(sub)
				i := slices.Index(nodes, m.polledLast("a"))
				nodes[i].kill()
				others := slices.Delete(slices.Clone(nodes), i, i+1)
				polls := src.count()
				time.Sleep(20*time.Second - time.Since(before.At) + 3*time.Second)
				for _, n := range others {
					if r := n.last(sub); r.Version == before.Version || r.Status != OK {
						t.Errorf("%s: nothing new after two intervals: %s", n.name, describe(r, n.t0))
					}
				}
				time.Sleep(30 * time.Second)
				starts := src.starts(nodes[0].t0)
				for k := polls + 1; k < len(starts); k++ {
					if gap := starts[k] - starts[k-1]; gap < 9.9 {
						t.Errorf("polls at %v; want none twice", starts)
					}
				}
				wantEqual(t, others, sub)
			})
		})
	}
}

func TestLateNodeTakesTheNewestKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		feed := Feed{Name: "a", Source: src}
		first := m.join(0, feed)
		sub, _ := first.watch("a")
		time.Sleep(27 * time.Second)
		late := m.join(15*time.Second, feed)
		got, err := late.Newest(t.Context(), sub)
		if want := first.last(sub); err != nil || got.Version != want.Version || shown(got) != shown(want) {
			t.Errorf("Newest = %s, %v; want %s", shown(got), err, shown(want))
		}
		if d := time.Until(got.Due).Round(100 * time.Millisecond); d != 3*time.Second {
			t.Errorf("due in %v; want 3 s", d)
		}
		if src.count() != 3 {
			t.Errorf("%d polls; want the late node to need none", src.count())
		}
		time.Sleep(20 * time.Second)
		if src.count() != 5 || late.last(sub).Version != first.last(sub).Version {
			t.Errorf("%d polls, versions %d and %d", src.count(), first.last(sub).Version, late.last(sub).Version)
		}
	})
}

func TestPolledOnceMoreByWhoComesAfterAllWereGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		sub, _ := nodes[0].watch("a")
		time.Sleep(5 * time.Second)
		nodes[0].kill()
		time.Sleep(20 * time.Second)
		began := time.Now()
		for _, n := range nodes[1:] {
			n.watch("a")
		}
		time.Sleep(2 * time.Second)
		for _, n := range nodes[1:] {
			if r := n.last(sub); len(n.readings(sub)) != 1 || r.Status != OK || r.At.Before(began) {
				t.Errorf("%s: %v; want a new reading and never the old one", n.name, describeAll(n.readings(sub), n.t0))
			}
		}
		if src.count() != 2 {
			t.Errorf("%d polls; want 2", src.count())
		}
		time.Sleep(30 * time.Second)
		if src.count() != 5 {
			t.Errorf("%d polls; want 5", src.count())
		}
	})
}

func TestForgottenOnAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		nodes := m.joinAll(2, Feed{Name: "a", Source: src})
		sub, _ := nodes[0].watch("a")
		_, release := nodes[1].watch("a")
		time.Sleep(5 * time.Second)
		release()
		time.Sleep(60 * time.Second)
		nodes[1].Scheduler.mu.Lock()
		polls := len(nodes[1].Scheduler.polls)
		nodes[1].Scheduler.mu.Unlock()
		if nodes[1].dropped(sub) != 1 || polls != 0 {
			t.Errorf("%d drops, %d polls left; what others poll keeps nothing alive", nodes[1].dropped(sub), polls)
		}
		nodes[1].set(func(n *meshNode) {
			if len(n.wants) != 0 {
				t.Errorf("still asks for %v", n.wants)
			}
		})
		nodes[1].watch("a")
		time.Sleep(time.Second)
		if nodes[1].last(sub).Version != nodes[0].last(sub).Version || src.count() != 7 {
			t.Errorf("%d polls; want who comes back to take what is there", src.count())
		}
	})
}

func TestAgesOfTheDataAreJudgedOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &fakeSource{Description: timed, PollFn: func(context.Context, Query) (Result, error) {
			return Result{Records: []Record{{"id": "a", "time": time.Now().Add(-5 * time.Second)}, {"id": "b"}}}, nil
		}}
		feed := Feed{Name: "a", Source: src, MaxAge: 15 * time.Second}
		ahead := m.join(15*time.Second, feed)
		ahead.watch("a")
		time.Sleep(time.Second)
		others := []*meshNode{m.join(0, feed), m.join(-15*time.Second, feed)}
		sub := watchAll(others, 1, "a")
		time.Sleep(20 * time.Second)
		if r := others[0].last(sub); r.Reason != ReasonSourceOld {
			t.Errorf("%s; want the age as the node that polled saw it", describe(r, ahead.t0))
		}
		ahead.kill()
		time.Sleep(20 * time.Second)
		if r := others[0].last(sub); r.Status != OK {
			t.Errorf("%s; want the age as another node sees it", describe(r, ahead.t0))
		}
		wantEqual(t, m.nodes, sub)
	})
}
