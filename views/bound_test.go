package views

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/feeds"
)

// TestScaleReachesBounds has a bound on the axis when it is near, and leaves the curve at least half of the height.
func TestScaleReachesBounds(t *testing.T) {
	tests := []struct {
		unit   string
		values []float64
		bounds []float64
		want   string
	}{
		{"°C", []float64{20, 24}, nil, "20 to 24"},
		{"°C", []float64{20, 24}, []float64{26, 30}, "20 to 26"}, // 30 would squash the curve
		{"°C", []float64{20, 24}, []float64{30}, "20 to 24"},
		{"°C", []float64{20, 27}, []float64{26, 30}, "20 to 30"},
		{"W", []float64{3, 43}, []float64{60, 80}, "0 to 80"},
		{"V", []float64{229, 231}, []float64{227, 210}, "227 to 231"},
		{"%", []float64{3, 55}, []float64{80, 95, 120}, "0 to 100"},
		{"", []float64{5, 5}, []float64{5.1, 6}, "4.95 to 5.1"},
	}
	for _, tt := range tests {
		var bounds []bound
		for _, b := range tt.bounds {
			bounds = append(bounds, bound{Value: b})
		}
		low, high, _ := scale(map[string][]feeds.Point{"a": {{At: noon, Value: tt.values[0]}, {At: now, Value: tt.values[1]}}}, tt.unit, bounds)
		if got := fmt.Sprintf("%.4g to %.4g", low, high); got != tt.want {
			t.Errorf("scale(%v %s, bounds %v) = %s; want %s", tt.values, tt.unit, tt.bounds, got, tt.want)
		}
	}
}

func TestBounds(t *testing.T) {
	f := roomsFragment("chart")
	low, never := 2.0, math.Inf(1)
	f.About.Thresholds = append(f.About.Thresholds,
		bounded(26, 30), // once more
		feeds.Threshold{Field: "value", Warn: &low, Below: true}, feeds.Threshold{Field: "value", Crit: &never}, feeds.Threshold{Field: "floor", Warn: &low})
	var labels []string
	for _, b := range f.bounds() {
		labels = append(labels, b.Label)
	}
	if got := strings.Join(labels, ", "); got != "Warning ≥ 26 °C, Critical ≥ 30 °C, Warning ≤ 2 °C" {
		t.Errorf("bounds = %s", got)
	}
	p := f.plot()
	if p.BoundValues != `[["warn",26],["crit",30],["warn",2]]` {
		t.Errorf("the script gets %s", p.BoundValues)
	}
	if len(p.Bounds) != 2 { // 2 °C is far below the curves
		t.Errorf("%d bounds are drawn; want 2", len(p.Bounds))
	}
	f.About.Values = []string{"value", "floor"}
	if all := f.bounds(); len(all) != 4 || all[0].Label != "Temperature: Warning ≥ 26 °C" || all[3].Label != "Floor: Warning ≥ 2" {
		t.Errorf("bounds of two fields = %+v", all)
	}
}
