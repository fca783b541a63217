package feeds

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

var wholeTable = Description{Whole: true, ID: "id", Values: []string{"value"}, Filters: []string{"kind"}}

func TestOnePollForAThousandWatchers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(3)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		var sub Subscription
		for range 1000 {
			sub, _ = r.watch("a")
		}
		time.Sleep(35 * time.Second)
		if got := src.starts(r.t0); !slices.Equal(got, []float64{0, 10, 20, 30}) {
			t.Errorf("polls at %v; want 0, 10, 20, 30", got)
		}
		if got := len(r.readings(sub)); got != 4 {
			t.Errorf("%d readings; want 4", got)
		}
		if got := r.Polls(); got != 1 {
			t.Errorf("Polls() = %d; want 1", got)
		}
	})
}

func TestHundredPagesOfAWholeFeedAreOnePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(95)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		var subs []Subscription
		for i := range 100 {
			sub, _ := r.watch(fmt.Sprintf("a/-/%d/1", i+1))
			subs = append(subs, sub)
		}
		odd, _ := r.watch("a/-/2/10;kind=odd")
		time.Sleep(25 * time.Second)
		if got := src.count(); got != 3 {
			t.Errorf("%d polls; want 3", got)
		}
		for i, sub := range subs {
			p := r.last(sub).Page
			if p.Total != 95 || p.Pages != 95 || p.Current != i+1 || p.Records == nil {
				t.Errorf("page %d = %+v; want 95 pages of 1", i+1, p)
			}
			if i < 95 && p.Records[0]["id"] != i || i >= 95 && len(p.Records) != 0 {
				t.Errorf("page %d has %v", i+1, p.Records)
			}
		}
		if p := r.last(odd).Page; p.Total != 47 || p.Pages != 5 || p.Records[0]["id"] != 21 {
			t.Errorf("page 2 of the odd = %+v; want 47 in all, from 21", p)
		}
	})
}

func TestPagedFeedIsPolledForEachPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: Description{PerUser: true}, PollFn: counting(1000)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		for i := range 300 {
			r.watch(fmt.Sprintf("a/%d/%d/%d", i%3, i/3+1, 5))
		}
		time.Sleep(15 * time.Second)
		if got := src.count(); got != 600 {
			t.Errorf("%d polls in two intervals; want 600", got)
		}
		if got := r.Polls(); got != 300 {
			t.Errorf("Polls() = %d; want 300", got)
		}
		p := r.last(r.resolve("a/2/100/5")).Page
		if p.Total != 1000 || p.Pages != 200 || len(p.Records) != 5 || p.Records[0]["id"] != 495 {
			t.Errorf("page 100 = %+v; want 5 records from 495", p)
		}
	})
}

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
		if len(r.wanted)+len(r.looks.heap)+len(r.Scheduler.polls)+len(r.due.heap)+r.feeds["a"].polls != 0 {
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

func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paged := &fakeSource{PollFn: counting(100)}
		whole := &fakeSource{Description: wholeTable, PollFn: counting(100)}
		r := startRig(t, Options{MaxPolls: 6, MaxPollsPerFeed: 4, MaxSubscriptions: 10}, Feed{Name: "a", Source: paged}, Feed{Name: "b", Source: paged}, Feed{Name: "w", Source: whole})
		defer r.stop()
		try := func(sub string, want bool) {
			t.Helper()
			err := r.Want(r.resolve(sub))
			if (err == nil) != want || err != nil && !errors.Is(err, ErrTooManyPolls) {
				t.Errorf("Want(%s) = %v; want allowed: %t", sub, err, want)
			}
		}
		for i := range 4 {
			try(fmt.Sprintf("a/-/%d", i+1), true)
		}
		try("a/-/1", true)
		try("a/-/5", false)
		try("b/-/1", true)
		try("w", true)
		try("b/-/2", false)
		for i := range 4 {
			try(fmt.Sprintf("w/-/%d", i+2), true)
		}
		try("w/-/9", false)
		time.Sleep(time.Minute)
		try("b/-/2", true)
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

func TestEveryFirstPollStartsAtOnceAndNoTickDrifts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: func(ctx context.Context, q Query) (Result, error) {
			time.Sleep(3 * time.Second)
			return Result{Records: []Record{{"id": 1}}}, nil
		}}
		r := startRig(t, Options{Interval: 4 * time.Second}, Feed{Name: "a", Source: src})
		defer r.stop()
		time.Sleep(1500 * time.Millisecond)
		sub, _ := r.watch("a")
		time.Sleep(21 * time.Second)
		if got := src.starts(r.t0); !slices.Equal(got, []float64{1.5, 5.5, 9.5, 13.5, 17.5, 21.5}) {
			t.Errorf("polls at %v", got)
		}
		list := r.readings(sub)
		if list[0].Status != Loading || list[0].Version == 0 || list[1].Before != list[0].Version {
			t.Errorf("first readings %+v; want loading after 2 s", list[:2])
		}
		if got := list[1]; got.Took != 3*time.Second || got.Due.Sub(r.t0) != 8500*time.Millisecond || got.At.Sub(r.t0) != 4500*time.Millisecond {
			t.Errorf("reading %+v; want due 8.5 s after the start", got)
		}
	})
}

func TestConcurrencyOfAFeedIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			time.Sleep(time.Second)
			return Result{}, nil
		}}
		quick := &fakeSource{PollFn: counting(1)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src}, Feed{Name: "b", Source: quick})
		defer r.stop()
		for i := range 100 {
			r.watch(fmt.Sprintf("a/-/%d", i+1))
		}
		r.watch("b")
		for i, want := range []int{32, 64, 96, 100, 100} {
			time.Sleep(500 * time.Millisecond)
			if got := src.count(); got != want {
				t.Errorf("%d polls in second %d; want %d", got, i, want)
			}
			time.Sleep(500 * time.Millisecond)
		}
		if quick.count() != 1 {
			t.Error("one feed holds up another")
		}
		time.Sleep(9 * time.Second)
		if got := src.count(); got != 200 {
			t.Errorf("%d polls after the second interval; want 200", got)
		}
	})
}

func TestRunWaitsForPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			time.Sleep(20 * time.Second) // deaf to its context
			return Result{}, nil
		}}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		sub, _ := r.watch("a")
		time.Sleep(time.Second)
		r.stop()
		if got := time.Since(r.t0); got != 20*time.Second {
			t.Errorf("Run ended after %v; want 20 s", got)
		}
		if got := r.readings(sub); len(got) != 0 {
			t.Errorf("readings after the end: %v", got)
		}
		if err := r.Run(t.Context()); err == nil {
			t.Error("a second Run was allowed")
		}
		if got, err := r.Newest(t.Context(), sub); err != nil || got.Status != Loading || time.Since(r.t0) != 20*time.Second {
			t.Errorf("Newest = %+v, %v after the end; want loading at once", got, err)
		}
	})
}
