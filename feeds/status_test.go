package feeds

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// describe writes what a reading says, seconds counted from t0.
func describe(r Reading, t0 time.Time) string {
	s := string(r.Status)
	if r.Reason != "" {
		s += " " + r.Reason
	}
	if !r.Since.IsZero() {
		s += " since " + r.Since.Sub(t0).String()
	}
	if r.Page != nil {
		s += " at " + r.At.Sub(t0).String()
	}
	if r.Same {
		s += " same"
	}
	return s
}

func describeAll(list []Reading, t0 time.Time) []string {
	var out []string
	for _, r := range list {
		out = append(out, describe(r, t0))
	}
	return out
}

func wantReadings(t *testing.T, list []Reading, t0 time.Time, want []string) {
	t.Helper()
	if got := describeAll(list, t0); !slices.Equal(got, want) {
		t.Errorf("readings:\n %s\nwant:\n %s", strings.Join(got, "\n "), strings.Join(want, "\n "))
	}
}

func TestFailureAndRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n int
		src := &fakeSource{Description: wholeTable, PollFn: func(ctx context.Context, q Query) (Result, error) {
			n++
			if n == 1 || 4 <= n && n <= 6 {
				return Result{}, errDown
			}
			return Result{Records: []Record{{"id": "x", "value": 1.0}}}, nil
		}}
		var log bytes.Buffer
		var observed []Status
		r := startRig(t, Options{
			Logger:  slog.New(slog.NewTextHandler(&log, nil)),
			Observe: func(feed string, _ time.Duration, s Status) { observed = append(observed, s) },
		}, Feed{Name: "a", Source: src})
		sub, _ := r.watch("a")
		time.Sleep(75 * time.Second)
		late, _ := r.watch("a/-/2")
		time.Sleep(time.Second)
		r.stop()
		list := r.readings(sub)
		wantReadings(t, list, r.t0, []string{
			"error since 0s",
			"ok at 10s",
			"ok at 20s same",
			"stale failed since 30s at 20s",
			"stale failed since 30s at 20s same",
			"stale failed since 30s at 20s same",
			"ok at 1m0s",
			"ok at 1m10s same",
		})
		wantReadings(t, r.readings(late), r.t0, []string{"ok at 1m10s"})
		if got := list[0].Error; got != "Connect to database: refused." {
			t.Errorf("error = %q", got)
		}
		for i, want := range []int{0, 1, 1, 0, 0, 0, 1, 1} {
			if got := list[i]; len(got.Values) != want || want == 1 && got.Error != "" {
				t.Errorf("reading %d: values %v, error %q", i, got.Values, got.Error)
			}
		}
		if got := log.String(); strings.Count(got, "feed degraded") != 2 || strings.Count(got, "feed recovered") != 2 {
			t.Errorf("log:\n%s", got)
		}
		if len(observed) != 8 || observed[0] != Failed || observed[1] != OK {
			t.Errorf("observed %v", observed)
		}
		if got := r.History(sub, r.t0.Add(70*time.Second))["x"]; len(got) != 4 || got[3].At.Sub(r.t0) != 70*time.Second {
			t.Errorf("history = %v; want a point for each good poll", got)
		}
		if got := r.History(sub, r.t0.Add(69*time.Second))["x"]; len(got) != 3 {
			t.Errorf("history until 69 s = %v", got)
		}
	})
}

func TestPanicIsAReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			var none []int
			return Result{Total: none[q.Offset]}, nil
		}}
		var log bytes.Buffer
		r := startRig(t, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))}, Feed{Name: "a", Source: src})
		sub, _ := r.watch("a")
		r.watch("a/-/2")
		time.Sleep(25 * time.Second)
		r.stop()
		if got := r.last(sub); got.Status != Failed || !strings.HasPrefix(got.Error, "The source panicked: runtime error: index out of range") || !got.Same {
			t.Errorf("reading = %+v", got)
		}
		if got := log.String(); strings.Count(got, "level=ERROR") != 1 || !strings.Contains(got, "status_test.go") {
			t.Errorf("log:\n%s", got)
		}
	})
}

func TestSlowSourceTimesOutAt80Percent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			<-ctx.Done()
			return Result{}, ctx.Err()
		}}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, _ := r.watch("a")
		time.Sleep(19 * time.Second)
		list := r.readings(sub)
		wantReadings(t, list, r.t0, []string{"loading since 0s", "error since 8s", "error since 8s same"})
		if got := list[1]; got.Took != 8*time.Second || !got.Due.Equal(r.t0.Add(18*time.Second)) || got.Error != "The source did not answer within 8s." {
			t.Errorf("reading = %+v", got)
		}
		if got := list[0].Due.Sub(r.t0); got != 8*time.Second {
			t.Errorf("while loading, due after %v; want 8 s", got)
		}
	})
}

func TestStuckSourceBlocksNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		stuck := &fakeSource{PollFn: func(_ context.Context, q Query) (Result, error) {
			if q.Offset == 0 {
				<-free
			}
			return Result{Records: []Record{{"id": 1}}, Total: 50}, nil
		}}
		r := startRig(t, Options{Concurrency: 1}, Feed{Name: "a", Source: stuck})
		defer r.stop()
		let := sync.OnceFunc(func() { close(free) })
		defer let()
		sub, release := r.watch("a")
		other, _ := r.watch("a/-/2")
		time.Sleep(35 * time.Second)
		wantReadings(t, r.readings(sub), r.t0, []string{
			"loading since 0s", "error since 8s", "error since 8s", "error since 8s same", "error since 8s same",
		})
		if got := r.last(sub).Error; got != "The source has not ended its poll of 00:00:00 UTC." {
			t.Errorf("error = %q", got)
		}
		if got := r.last(other); got.Status != OK {
			t.Errorf("another page of the feed: %s; want it polled", describe(got, r.t0))
		}
		if got := stuck.count(); got != 5 {
			t.Errorf("%d polls; want 1 that is stuck and 4 of the other page, at 8, 10, 20 and 30 s", got)
		}
		release()
		time.Sleep(time.Minute)
		if r.dropped(sub) != 1 || len(r.Scheduler.polls) != 2 {
			t.Errorf("%d drops, %d polls; want the stuck poll to count until it ends", r.dropped(sub), len(r.Scheduler.polls))
		}
		r.watch("a")
		time.Sleep(15 * time.Second)
		before := stuck.count()
		let()
		time.Sleep(10 * time.Second)
		if got := r.last(sub); got.Status != OK || stuck.count() < before+1 {
			t.Errorf("after the end of the stuck poll: %s", describe(got, r.t0))
		}
	})
}

var timed = Description{Whole: true, ID: "id", Time: "time", Filters: []string{"id"}}

func TestSourceOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t0 := time.Now()
		src := &fakeSource{Description: timed, PollFn: func(ctx context.Context, q Query) (Result, error) {
			written := min(time.Since(t0), 20*time.Second) // writing stops after 20 s
			return Result{Records: []Record{
				{"id": "a", "time": t0.Add(written).Format(time.RFC3339)},
				{"id": "b", "time": t0.Add(-time.Hour).Unix()},
				{"id": "c", "time": "soon"},
				{"id": "d", "time": t0.AddDate(1, 0, 0)},
			}}, nil
		}}
		r := startRig(t, Options{}, Feed{Name: "x", Source: src, MaxAge: 25 * time.Second})
		defer r.stop()
		all, _ := r.watch("x")
		b, _ := r.watch("x;id=b")
		c, _ := r.watch("x;id=c")
		time.Sleep(65 * time.Second)
		wantReadings(t, r.readings(all), t0, []string{
			"ok at 0s", "ok at 10s", "ok at 20s", "ok at 30s same", "ok at 40s same",
			"stale source-old since 45s at 50s", "stale source-old since 45s at 1m0s same",
		})
		if got := r.last(all); !got.SourceAt.Equal(t0.Add(20*time.Second)) || got.Error != "" {
			t.Errorf("source at %v, error %q; want 20 s, none", got.SourceAt.Sub(t0), got.Error)
		}
		if got := describe(r.readings(b)[0], t0); got != "stale source-old since -59m35s at 0s" {
			t.Errorf("rows of an hour ago: %s", got)
		}
		if got := describe(r.last(c), t0); got != "stale source-old since 0s at 1m0s same" {
			t.Errorf("rows without a time: %s", got)
		}
	})
}

func TestSourceOldOfAPagedTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		t0 := time.Now()
		src := &fakeSource{Description: Description{Time: "time"}, PollFn: func(ctx context.Context, q Query) (Result, error) {
			return Result{Records: []Record{{"time": t0.Add(-time.Duration(q.Offset) * time.Minute).UnixMilli()}}, Total: 1000}, nil
		}}
		r := startRig(t, Options{}, Feed{Name: "x", Source: src, MaxAge: time.Minute})
		defer r.stop()
		first, _ := r.watch("x")
		later, _ := r.watch("x/-/9")
		time.Sleep(65 * time.Second)
		if got := r.last(later); got.Status != OK || !got.SourceAt.IsZero() {
			t.Errorf("a later page is %s, source at %v; want ok, unknown", describe(got, t0), got.SourceAt)
		}
		time.Sleep(10 * time.Second)
		if got := r.last(first); got.Reason != ReasonSourceOld {
			t.Errorf("the first page is %s; want source-old", describe(got, t0))
		}
	})
}

func TestNewestWaitsTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			time.Sleep(4 * time.Second)
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
		for i, want := range []string{"loading since 0s after 1s", "loading since 0s after 3s", "ok at 4s after 4s", "ok at 4s after 4s"} {
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
