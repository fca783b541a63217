package feeds

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestWantedForThreeIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(3)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub := r.resolve("a")
		if err := r.Want(sub); err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		if r.Polls() != 1 || r.dropped(sub) != 0 {
			t.Errorf("after 29 s: %d polls, %d drops; want it still wanted", r.Polls(), r.dropped(sub))
		}
		time.Sleep(2 * time.Second)
		if r.Polls() != 0 || r.dropped(sub) != 1 {
			t.Errorf("after 31 s: %d polls, %d drops; want it dropped", r.Polls(), r.dropped(sub))
		}
		time.Sleep(time.Hour)
		if got := src.count(); got != 3 {
			t.Errorf("%d polls; want 3", got)
		}
	})
}

func TestReleaseKeepsForThreeIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(3)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, release := r.watch("a")
		_, other := r.watch("a")
		time.Sleep(100 * time.Second)
		release()
		release()
		time.Sleep(100 * time.Second)
		if r.dropped(sub) != 0 {
			t.Error("dropped while somebody watches")
		}
		other() // at 200 s
		time.Sleep(29 * time.Second)
		if r.dropped(sub) != 0 {
			t.Error("dropped before 3 intervals were over")
		}
		time.Sleep(2 * time.Second)
		if r.dropped(sub) != 1 || src.count() != 23 {
			t.Errorf("%d drops, %d polls; want 1 and 23 (0 to 220 s)", r.dropped(sub), src.count())
		}
		time.Sleep(10 * time.Second)
		r.Scheduler.mu.Lock()
		defer r.Scheduler.mu.Unlock()
		if len(r.wanted)+len(r.looks.heap)+len(r.Scheduler.polls)+len(r.due.heap)+len(r.feeds["a"].polls) != 0 {
			t.Error("something is kept of what nobody wants")
		}
	})
}

func TestLateJoinerIsServedFromTheKeptTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(30)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		_, release := r.watch("a")
		time.Sleep(7 * time.Second)
		got, err := r.Newest(t.Context(), r.resolve("a/-/2"))
		if err != nil || got.Status != OK || got.Page.Records[0]["id"] != 10 || !got.At.Equal(r.t0) {
			t.Errorf("Newest = %+v, %v; want page 2 as read at the start", got, err)
		}
		if !got.Due.Equal(r.t0.Add(10*time.Second)) || src.count() != 1 {
			t.Errorf("due %v after %d polls; want 10 s after the start, 1", got.Due.Sub(r.t0), src.count())
		}
		release()
		time.Sleep(time.Minute) // forgotten at 37 s
		polled := src.count()
		if again, err := r.Newest(t.Context(), r.resolve("a/-/2")); err != nil || again.At.Equal(got.At) || src.count() != polled+1 {
			t.Errorf("Newest = %+v, %v; want a new poll", again, err)
		}
	})
}

func TestReturningWithinTheIntervalCostsNoPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(30)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, release := r.watch("a")
		time.Sleep(5 * time.Second)
		release() // wanted until 35 s, polled last at 30 s
		time.Sleep(31 * time.Second)
		if r.dropped(sub) != 1 {
			t.Fatal("not dropped")
		}
		r.watch("a")
		time.Sleep(10 * time.Second)
		if got := src.starts(r.t0); !slices.Equal(got, []float64{0, 10, 20, 30, 40}) {
			t.Errorf("polls at %v; want one each 10 s", got)
		}
		if got := len(r.readings(sub)); got != 6 {
			t.Errorf("%d readings; want 4, the kept one again, and a new one", got)
		}
	})
}

func TestPinnedAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var feeds []Feed
		var sources []*fakeSource
		for i := range 50 {
			src := &fakeSource{Description: wholeTable, PollFn: counting(1)}
			sources = append(sources, src)
			feeds = append(feeds, Feed{Name: fmt.Sprintf("feed-%d", i), Source: src})
		}
		rec := newRecorder(t)
		s, err := NewScheduler(feeds, rec, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range feeds {
			if err := s.Pin(Subscription{Feed: f.Name}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		t0 := time.Now()
		go func() { done <- s.Run(ctx) }()
		if _, err := s.Watch(Subscription{Feed: "feed-7"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(35 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		var thirds [3]int
		for i, src := range sources {
			at := src.starts(t0)
			if i == 7 {
				if at[0] != 0 {
					t.Errorf("what is watched was polled first after %v s; want at once", at[0])
				}
				continue
			}
			if at[0] >= 10 || math.Abs(at[1]-at[0]-10) > 1e-6 {
				t.Errorf("%s polled at %v", feeds[i].Name, at)
			}
			thirds[int(at[0]/3.334)]++
		}
		if min(thirds[0], thirds[1], thirds[2]) < 8 {
			t.Errorf("first polls by thirds of the interval: %v; want them spread", thirds)
		}
	})
}
