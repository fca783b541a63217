package feeds

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestSharedPollsMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), paging(time.Second)
		defer m.stop()
		nodes := m.joinAll(2, Feed{Name: "a", Source: src})
		n := nodes[0]
		n.opts.MaxPollsPerFeed = 3
		for i := range 50 { // somebody turns over pages, and turns back to the second
			for _, page := range []int{i + 3, 2} {
				sub := n.resolve(fmt.Sprintf("a/-/%d", page))
				if got, err := n.Newest(t.Context(), sub); err != nil || got.Status != OK {
					t.Fatalf("Newest(%s) = %+v, %v; want a page", sub, got, err)
				}
				time.Sleep(50 * time.Millisecond)
			}
		}
		synctest.Wait()
		n.Scheduler.mu.Lock()
		polls := len(n.Scheduler.polls)
		n.Scheduler.mu.Unlock()
		m.mu.Lock()
		wants := len(n.wants)
		m.mu.Unlock()
		if polls > 3 || wants > 3 {
			t.Errorf("%d polls, %d wanted of other nodes; want 3 at most", polls, wants)
		}
	})
}

func TestWhatOtherNodesWantIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src, other := newMesh(t), slowly(0), paging(0)
		src.Description = machine
		defer m.stop()
		n := m.join(0, Feed{Name: "host", Source: src}, Feed{Name: "a", Source: other})
		n.opts.MaxPolls = 1
		for range 4 {
			if err := n.WantFor("host@node-1", time.Now().Add(9*time.Second)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Second)
			if err := n.rig.Want(n.resolve("a")); !errors.Is(err, ErrTooManyPolls) {
				t.Errorf("Want = %v; want no room beside what another node wants", err)
			}
		}
		time.Sleep(6500 * time.Millisecond)
		if err := n.rig.Want(n.resolve("a")); err != nil {
			t.Errorf("Want = %v; want room when nobody wants it any more", err)
		}
		if err := n.WantFor("host@node-1", time.Now().Add(9*time.Second)); err != nil && !errors.Is(err, ErrTooManyPolls) {
			t.Error(err)
		}
	})
}

func TestLoadingIsToldAgainWherePollsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		n := m.join(0, Feed{Name: "a", Source: src})
		sub, _ := n.watch("a")
		time.Sleep(time.Second)
		good := n.last(sub)
		n.set(func(n *meshNode) { n.fails = true })
		time.Sleep(25 * time.Second)
		for i := range 3 {
			began := time.Now()
			got, err := n.Newest(t.Context(), sub)
			if err != nil || got.Status != Loading || time.Since(began) != firstWait || got.Version != n.last(sub).Version {
				t.Errorf("Newest = %s, %v after %v; want loading after 2 s, as the sink has it", describe(got, n.t0), err, time.Since(began))
			}
			if len(n.readings(sub)) != i+2 {
				t.Errorf("%d readings; want loading told %d times", len(n.readings(sub)), i+1)
			}
			time.Sleep(25 * time.Second)
		}
		n.set(func(n *meshNode) { n.fails = false })
		time.Sleep(15 * time.Second)
		if got := n.last(sub); got.Status != OK || got.Version <= good.Version {
			t.Errorf("reading %s; want a new table", describe(got, n.t0))
		}
	})
}

// TestWhoComesGetsNoOldTable has a table come late, while somebody waits because the one before is too old.
func TestWhoComesGetsNoOldTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		n := m.join(0, Feed{Name: "a", Source: src})
		sub, _ := n.watch("a")
		time.Sleep(time.Second)
		n.set(func(n *meshNode) { n.fails = true })
		then := time.Now()
		time.Sleep(24 * time.Second)
		go func() {
			time.Sleep(time.Second)
			o := outcome{table: &table{records: []Record{{"id": "x"}}, at: then, asOf: then}, settled: then}
			n.Scheduler.mu.Lock()
			p := n.wanted[sub].poll
			n.Scheduler.mu.Unlock()
			if err := n.take(p, Remote{Version: then.UnixMicro(), Kept: true, Data: o.encode(0)}); err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		got, err := n.Newest(t.Context(), sub)
		if err != nil || got.Status != Loading || got.Version == 0 || time.Since(began) != firstWait {
			t.Errorf("Newest = %s, %v after %v; want loading after 2 s", describe(got, n.t0), err, time.Since(began))
		}
	})
}
