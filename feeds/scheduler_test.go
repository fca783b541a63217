package feeds

import (
	"context"
	"fmt"
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
