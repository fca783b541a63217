package transport

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// drain is an outlet that takes everything at once.
type drain struct{ tries *sync.WaitGroup }

func (o drain) Try([]byte) (bool, error) {
	o.tries.Done()
	return false, nil
}
func (drain) Write([]byte) error                      { return nil }
func (drain) Beat(time.Time) (bool, error)            { return false, nil }
func (drain) Receive(func([]byte) error, func(error)) {}
func (drain) Stop()                                   {}
func (drain) CloseNow()                               {}

// drained opens n streams on a topic whose clients take everything at once. Each try, hello's the first, is Done.
func drained(t testing.TB, h *Hub, n int, tries *sync.WaitGroup) {
	t.Helper()
	tries.Add(n)
	for range n {
		s, err := h.open(Opening{Topics: []string{"cpu"}}, WebSocket)
		if err != nil {
			t.Fatal(err)
		}
		s.begin(drain{tries}, wsPlain, nil, func(error) {})
	}
	tries.Wait()
}

// TestAllocations: what a reading or a message costs in memory does not depend on how many get it.
func TestAllocations(t *testing.T) {
	allocations := func(n int, tell func(h *Hub, i int64)) float64 {
		h := NewHub(Options{Heartbeat: time.Hour})
		defer h.Close()
		var tries sync.WaitGroup
		drained(t, h, n, &tries)
		i := int64(0)
		return testing.AllocsPerRun(50, func() {
			i++
			tries.Add(n)
			tell(h, i)
			tries.Wait()
		})
	}
	for name, tell := range map[string]func(h *Hub, i int64){
		"reading": func(h *Hub, i int64) { put(h, "cpu", i) },
		"message": func(h *Hub, i int64) { say(h, i, everybody) },
	} {
		few, many := allocations(100, tell), allocations(1000, tell)
		t.Logf("a %s to 100 and to 1000 sessions: %.0f and %.0f allocations", name, few, many)
		if many > few+20 {
			t.Errorf("a %s to 1000 sessions: %.0f allocations; to 100: %.0f", name, many, few)
		}
	}
}

// TestIdleBurst: of more than one batch holds, the rest follows without anything that rings.
func TestIdleBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{Heartbeat: time.Hour})
		defer h.Close()
		s, err := h.open(Opening{}, WebSocket)
		if err != nil {
			t.Fatal(err)
		}
		v := &visitor{tap: newTap(1 << 30), s: s}
		s.begin(v.tap, wsPlain, nil, func(error) {})
		synctest.Wait()
		v.burst(h, 29)
		synctest.Wait()
		if err := errors.Join(v.settled(), v.check(v.tap.out)); err != nil {
			t.Error(err)
		}
		for _, d := range s.shard.turn.list[:cap(s.shard.turn.list)] {
			if slices.ContainsFunc(d.batch.events[:cap(d.batch.events)], func(e *event) bool { return e != nil }) {
				t.Error("a shard holds on to what it has told")
			}
		}
	})
}

// BenchmarkIdle is one reading to streams that have caught up, from Put until the last of them has its frame, without a socket.
func BenchmarkIdle(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			h := NewHub(Options{})
			defer h.Close()
			var tries sync.WaitGroup
			drained(b, h, n, &tries)
			b.ReportAllocs()
			v := int64(0)
			for b.Loop() {
				v++
				tries.Add(n)
				h.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, 2000}))
				tries.Wait()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/delivery")
		})
	}
}

// TestTopicsMeanwhile asks what a stream watches while readings go out to it.
func TestTopicsMeanwhile(t *testing.T) {
	h := NewHub(Options{})
	defer h.Close()
	var tries sync.WaitGroup
	drained(t, h, 1, &tries)
	s := h.shards[0].sessions
	for _, sh := range h.shards[1:] {
		s = append(s, sh.sessions...)
	}
	for i := range int64(100) {
		tries.Add(1)
		put(h, "cpu", i+1)
		if topics := s[0].Topics(); len(topics) != 1 || topics[0] != "cpu" {
			t.Fatalf("topics %q; want cpu", topics)
		}
		tries.Wait()
	}
}
