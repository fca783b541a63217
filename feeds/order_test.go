package feeds

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestNewestWaitsTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			time.Sleep(3500 * time.Millisecond)
			return Result{Records: []Record{{"id": 1}}, Total: 1}, nil
		}}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub := r.resolve("a")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		newest := func(ctx context.Context) string {
			got, err := r.Newest(ctx, sub)
			if err != nil {
				t.Fatal(err)
			}
			return describe(got, r.t0) + " after " + time.Since(r.t0).String()
		}
		for i, want := range []string{"loading since 0s after 1s", "loading since 0s after 2s", "ok at 3.5s after 3.5s", "ok at 3.5s after 3.5s"} {
			c := t.Context()
			if i == 0 {
				c = ctx
			}
			if got := newest(c); got != want {
				t.Errorf("Newest, call %d = %s; want %s", i, got, want)
			}
		}
		if _, err := r.Newest(t.Context(), Subscription{Feed: "none"}); !errors.Is(err, ErrUnknownFeed) {
			t.Errorf("Newest of an unknown feed: %v", err)
		}
	})
}

func TestVersionsNeverFallWhenAllIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(1)}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, release := r.watch("a")
		time.Sleep(time.Second)
		r.Scheduler.mu.Lock()
		r.floor = time.Now().Add(time.Hour).UnixMicro() // of others, from before the clock was set back
		high := r.floor
		r.Scheduler.mu.Unlock()
		release()
		time.Sleep(5 * time.Minute)
		if r.dropped(sub) != 1 {
			t.Fatal("not dropped")
		}
		r.watch("a")
		time.Sleep(time.Second)
		if got := r.last(sub); got.Version <= high || got.Before != 0 {
			t.Errorf("version %d, before %d; want above %d, 0", got.Version, got.Before, high)
		}
	})
}

func TestSinkCallsComeInOrderFromOneGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable, PollFn: counting(50)}
		sink := &orderSink{state: make(map[Subscription]bool)}
		s, err := NewScheduler([]Feed{{Name: "a", Source: src, Interval: time.Second}}, sink, Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		for i := range 200 {
			if err := s.Want(Subscription{Feed: "a", Current: i%50 + 1}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(70 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if sink.wrong.Load() > 0 || sink.puts == 0 || sink.drops < 50 || len(sink.state) != 0 {
			t.Errorf("%d wrong calls, %d puts, %d drops, %d left", sink.wrong.Load(), sink.puts, sink.drops, len(sink.state))
		}
	})
}

// orderSink has no lock: the race detector sees calls from two goroutines.
type orderSink struct {
	state       map[Subscription]bool
	puts, drops int
	wrong       atomic.Int32
}

func (o *orderSink) Put(r Reading) {
	if known := o.state[r.Sub]; known != (r.Before != 0) {
		o.wrong.Add(1)
	}
	o.state[r.Sub] = true
	o.puts++
}

func (o *orderSink) Drop(sub Subscription) {
	if !o.state[sub] {
		o.wrong.Add(1)
	}
	delete(o.state, sub)
	o.drops++
}
