package feeds

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(closing{m}) }

// fakeSource calls PollFn and counts.
type fakeSource struct {
	Description
	PollFn func(ctx context.Context, q Query) (Result, error)

	mu    sync.Mutex
	polls []time.Time
	asked []Query
}

func (f *fakeSource) Describe() Description { return f.Description }

func (f *fakeSource) Poll(ctx context.Context, q Query) (Result, error) {
	f.mu.Lock()
	f.polls = append(f.polls, time.Now())
	f.asked = append(f.asked, q)
	f.mu.Unlock()
	if f.PollFn == nil {
		return Result{}, nil
	}
	return f.PollFn(ctx, q)
}

func (f *fakeSource) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.polls)
}

// starts returns the seconds since t0 at which polls started.
func (f *fakeSource) starts(t0 time.Time) []float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []float64
	for _, at := range f.polls {
		out = append(out, at.Sub(t0).Seconds())
	}
	return out
}

// recorder is a Sink that remembers, and fails the test when a promise is broken.
type recorder struct {
	t *testing.T

	mu    sync.Mutex
	got   map[Subscription][]Reading
	drops map[Subscription]int
	calls []string
}

func newRecorder(t *testing.T) *recorder {
	return &recorder{t: t, got: make(map[Subscription][]Reading), drops: make(map[Subscription]int)}
}

func (r *recorder) Put(x Reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	list := r.got[x.Sub]
	if n := len(list); n > 0 {
		last := list[n-1]
		if x.Version <= last.Version {
			r.t.Errorf("%s: version %d after %d; want a higher one", x.Sub, x.Version, last.Version)
		}
		if x.Before != last.Version && x.Before != 0 {
			r.t.Errorf("%s: before %d after version %d; want the same", x.Sub, x.Before, last.Version)
		}
	}
	r.got[x.Sub] = append(list, x)
	r.calls = append(r.calls, "put "+x.Sub.String())
}

func (r *recorder) Drop(sub Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drops[sub]++
	r.calls = append(r.calls, "drop "+sub.String())
}

func (r *recorder) readings(sub Subscription) []Reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Reading(nil), r.got[sub]...)
}

func (r *recorder) dropped(sub Subscription) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.drops[sub]
}

func (r *recorder) last(sub Subscription) Reading {
	list := r.readings(sub)
	if len(list) == 0 {
		r.t.Fatalf("%s: no reading", sub)
	}
	return list[len(list)-1]
}

// rig is a running scheduler inside a synctest bubble.
type rig struct {
	*Scheduler
	*recorder
	t0   time.Time
	stop func()
}

// startRig runs a scheduler; stop is called at the end of the test if not before.
func startRig(t *testing.T, opts Options, feeds ...Feed) *rig {
	t.Helper()
	opts.Logger = cmp.Or(opts.Logger, slog.New(slog.DiscardHandler))
	rec := newRecorder(t)
	s, err := NewScheduler(feeds, rec, opts)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Scheduler: s, recorder: rec, t0: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v; want nil", err)
		}
	})
	return r
}

func (r *rig) resolve(s string) Subscription {
	r.t.Helper()
	sub, err := ParseSubscription(s)
	if err == nil {
		sub, err = r.Resolve(sub)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return sub
}

func (r *rig) watch(s string) (Subscription, func()) {
	r.t.Helper()
	sub := r.resolve(s)
	release, err := r.Watch(sub)
	if err != nil {
		r.t.Fatal(err)
	}
	return sub, release
}

func counting(n int) func(context.Context, Query) (Result, error) {
	return func(_ context.Context, q Query) (Result, error) {
		rows := make([]Record, n)
		for i := range rows {
			rows[i] = Record{"id": i, "value": float64(i), "kind": []string{"even", "odd"}[i%2]}
		}
		if q.Limit > 0 {
			from := min(q.Offset, n)
			return Result{Records: rows[from:min(from+q.Limit, n)], Total: n}, nil
		}
		return Result{Records: rows}, nil
	}
}

var errDown = errors.New("connect to database: refused")
