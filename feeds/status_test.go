package feeds

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
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
		if got := stuck.count(); got != 4 {
			t.Errorf("%d polls; want 1 that is stuck and 3 of the other page, at 8, 18 and 28 s", got)
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
