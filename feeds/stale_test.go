package feeds

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestSourceGrowsOld: between two polls data grows old at the same time for all nodes, whatever their clocks say.
func TestSourceGrowsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &fakeSource{Description: timed, PollFn: func(context.Context, Query) (Result, error) {
			return Result{Records: []Record{{"id": "a", "time": time.Now().Add(-5 * time.Second)}}}, nil
		}}
		feed := Feed{Name: "a", Source: src, MaxAge: 25 * time.Second}
		m.join(15*time.Second, feed).watch("a") // polls, and sees the data 20 s old
		time.Sleep(time.Second)
		sub := watchAll([]*meshNode{m.join(0, feed), m.join(-15*time.Second, feed)}, 1, "a")
		for _, tt := range []struct {
			after time.Duration
			want  bool
		}{{33 * time.Second, false}, {37 * time.Second, true}, {43 * time.Second, false}} {
			time.Sleep(tt.after - time.Since(m.nodes[0].t0))
			for _, n := range m.nodes {
				if r := n.last(sub); r.Status != OK || n.SourceOld(r) != tt.want {
					t.Errorf("after %v %s: %s, old: %v; want %v", tt.after, n.name, describe(r, n.t0), !tt.want, tt.want)
				}
			}
		}
	})
}
