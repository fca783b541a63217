package feeds

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{Interval: 10 * time.Second}, Feed{Name: "a", Source: paging(3 * time.Second)})
		defer r.stop()
		sub, release := r.watch("a")
		after := func(version int64, patience time.Duration) Reading {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			got, err := r.After(ctx, sub, version)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		tests := []struct {
			had      int64 // -1: that of the reading before
			patience time.Duration
			want     string
		}{
			{0, time.Second, "loading since 0s after 1s"},
			{0, 30 * time.Second, "loading since 0s after 2s"},
			{-1, 30 * time.Second, "ok at 3s after 3s"},
			{-1, time.Second, "ok at 3s after 4s"}, // nothing newer in time
			{-1, 30 * time.Second, "ok at 13s same after 13s"},
			{0, 30 * time.Second, "ok at 13s same after 13s"},
		}
		var last Reading
		for _, tt := range tests {
			if tt.had < 0 {
				tt.had = last.Version
			}
			last = after(tt.had, tt.patience)
			if got := describe(last, r.t0) + " after " + time.Since(r.t0).String(); got != tt.want {
				t.Errorf("After %d in %v = %s; want %s", tt.had, tt.patience, got, tt.want)
			}
		}
		release()
		r.stop()
		if got := after(last.Version, time.Hour); got.Version != last.Version {
			t.Errorf("After the end = version %d; want the last", got.Version)
		}
		if _, err := r.After(t.Context(), Subscription{Feed: "none"}, 0); err == nil {
			t.Error("After = nil for a feed that is not there; want an error")
		}
	})
}
