package views

import (
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// TestPeaks keeps peaks and the newest point, each at the time at which it was measured, and few points whole.
func TestPeaks(t *testing.T) {
	start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	all := map[string][]feeds.Point{"a": nil, "b": nil}
	for i := range 100 {
		at := start.Add(time.Duration(i) * 10 * time.Second)
		all["a"] = append(all["a"], feeds.Point{At: at, Value: 1})
		all["b"] = append(all["b"], feeds.Point{At: at, Value: float64(i % 2)})
	}
	all["a"][37].Value = 50
	got := atTimes(all, peaks(all, 20))
	if n := len(got["a"]); n > 21 || n != len(got["b"]) {
		t.Errorf("%d and %d points; want the same, at most 20 and the newest", n, len(got["b"]))
	}
	measured := make(map[feeds.Point]bool)
	for _, p := range all["a"] {
		measured[p] = true
	}
	peak := false
	for _, p := range got["a"] {
		if !measured[p] {
			t.Errorf("%v was never measured", p)
		}
		peak = peak || p.Value == 50
	}
	if last := got["a"][len(got["a"])-1]; !peak || last != all["a"][99] {
		t.Errorf("the peak is kept: %v; the last is %v", peak, last)
	}
	if got := atTimes(all, peaks(all, 100)); len(got["a"]) != 100 {
		t.Errorf("%d of 100 points that fit", len(got["a"]))
	}
}
