package feeds

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatDidNotComeIsAskedForBeforePolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(3*time.Second)
		defer m.stop()
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		nodes[2].set(func(n *meshNode) { n.deaf = true })
		sub := watchAll(nodes, 1, "a")
		time.Sleep(99 * time.Second)
		if src.count() != 10 {
			t.Errorf("%d polls at %v; want 10", src.count(), src.starts(nodes[0].t0))
		}
		if r := nodes[2].last(sub); time.Since(r.At) > 20*time.Second {
			t.Errorf("the deaf node shows what was read %v ago", time.Since(r.At))
		}
		wantEqual(t, nodes, sub)
	})
}

func TestResultThatOthersDidNotWaitForIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(6*time.Second)
		defer m.stop()
		n := m.join(0, Feed{Name: "a", Source: src})
		sub, _ := n.watch("a")
		time.Sleep(12 * time.Second)
		now := time.Now()
		o := outcome{table: &table{records: []Record{{"id": "x"}}, at: now, asOf: now}, settled: now, took: time.Second}
		other := Remote{Version: now.UnixMicro(), Data: o.encode(0)}
		if err := n.Accept("a", other); err != nil {
			t.Fatal(err)
		}
		time.Sleep(8 * time.Second)
		if got := n.last(sub); got.Version != other.Version || src.count() != 2 {
			t.Errorf("version %d after %d polls; want the other node's, %d", got.Version, src.count(), other.Version)
		}
		time.Sleep(2 * time.Second)
		if src.count() != 3 {
			t.Errorf("%d polls; want the next one an interval after that of the other node started", src.count())
		}
	})
}

func TestClaimTakenLateLeavesTimeForItsPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(6*time.Second)
		defer m.stop()
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		nodes[0].watch("a")
		time.Sleep(7 * time.Second)
		nodes[0].kill()
		time.Sleep(22500 * time.Millisecond) // half a second before the turn of another attempt
		sub, _ := nodes[1].watch("a")
		time.Sleep(100 * time.Millisecond)
		nodes[2].watch("a")
		time.Sleep(7 * time.Second)
		if src.count() != 2 || nodes[1].last(sub).Version != nodes[2].last(sub).Version {
			t.Errorf("polls at %v; want 2", src.starts(nodes[0].t0))
		}
	})
}

func TestTableIsNewerThanLoadingWhateverTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(6*time.Second)
		defer m.stop()
		feed := Feed{Name: "a", Source: src}
		ahead, behind := m.join(time.Minute, feed), m.join(-time.Minute, feed)
		ahead.watch("a")
		time.Sleep(7 * time.Second)
		ahead.kill()
		time.Sleep(21 * time.Second)
		sub, _ := behind.watch("a")
		time.Sleep(7 * time.Second)
		list := behind.readings(sub)
		if len(list) != 2 || list[0].Status != Loading || list[1].Status != OK || list[1].Before != list[0].Version {
			t.Errorf("readings %v; want loading, then a new one", describeAll(list, behind.t0))
		}
	})
}

// TestWhatIsHeardOfAfterAReconnectIsAsOldAsItSays has a node look up what it missed: it neither looks fresh nor puts off the next poll.
func TestWhatIsHeardOfAfterAReconnectIsAsOldAsItSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(0)
		defer m.stop()
		nodes := m.joinAll(2, Feed{Name: "a", Source: src})
		deaf := nodes[1]
		sub := watchAll(nodes, 1, "a")
		time.Sleep(5 * time.Second)
		deaf.set(func(n *meshNode) { n.deaf = true })
		time.Sleep(14 * time.Second) // the poll at 10 s did not come; it is 9 s old
		m.mu.Lock()
		missed := deaf.remote(m.kept["a"])
		m.mu.Unlock()
		missed.Kept = true
		if err := deaf.Accept("a", missed); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		if got, want := deaf.last(sub), nodes[0].last(sub); got.Version != want.Version || !got.At.Equal(want.At) ||
			got.Due.Sub(want.Due).Abs() > 100*time.Millisecond || got.Seen.Sub(want.Seen).Abs() > 100*time.Millisecond {
			t.Errorf("%s; want what the other node shows, %s", describe(got, deaf.t0), describe(want, deaf.t0))
		}
	})
}
