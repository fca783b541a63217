package feeds

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestNodeThatStoodStillInAPoll comes back when the others have polled without it, and before it has heard of that.
func TestNodeThatStoodStillInAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), slowly(6*time.Second)
		defer m.stop()
		frozen, other := m.join(0, Feed{Name: "a", Source: src}), m.join(0, Feed{Name: "a", Source: src})
		sub, _ := frozen.watch("a")
		time.Sleep(7 * time.Second)
		other.watch("a")
		time.Sleep(4 * time.Second) // it polls for the second time
		frozen.set(func(n *meshNode) { n.deaf = true })
		now := time.Now()
		o := outcome{table: &table{records: []Record{{"id": "x"}}, at: now, asOf: now}, settled: now}
		version := now.UnixMicro()
		other.set(func(n *meshNode) {
			m.kept["a"] = published{by: n, version: version, data: o.encode(0), until: now.Add(time.Minute)}
		})
		s := frozen.Scheduler
		s.mu.Lock()
		for _, p := range s.polls {
			p.attempt.started = p.attempt.started.Add(-30 * time.Second)
		}
		s.mu.Unlock()
		time.Sleep(6 * time.Second)
		if got := frozen.last(sub); got.Version != version {
			t.Errorf("after it has gone on it shows %s, version %d; want that of the others, %d", describe(got, frozen.t0), got.Version, version)
		}
		if got := m.polledLast("a"); got != other {
			t.Error("what it read before went to the others")
		}
	})
}
