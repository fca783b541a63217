package views

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

func TestFormat(t *testing.T) {
	tests := []struct {
		kind string
		in   any
		want string
	}{
		{"number", nil, "–"},
		{"number", 65.4782341, "65.5"},
		{"number", 184.22, "184.22"},
		{"number", 1.4237, "1.42"},
		{"number", 1234567.0, "1,234,567"},
		{"number", 0.00123, "0.0012"},
		{"number", -3.5, "−3.5"},
		{"number", 1e300, "1.000e+300"},
		{"number", math.NaN(), "–"},
		{"number", "n/a", "n/a"},
		{"integer", 1204300, "1,204,300"},
		{"integer", int64(-1000), "−1,000"},
		{"bytes", 0, "0 B"},
		{"bytes", 999, "999 B"},
		{"bytes", 432013312, "412 MiB"},
		{"bytes", int64(8514768733), "7.9 GiB"},
		{"percent", 18.4, "18.4"},
		{"change", 1.34, "▲1.34 %"},
		{"change", -0.62, "▼0.62 %"},
		{"change", 0.0, "0 %"},
		{"time", "2026-03-01T11:59:00Z", "11:59:00 UTC"},
		{"time", "2026-02-28T11:59:00+01:00", "28 Feb 10:59 UTC"},
		{"time", "2025-12-31", "31 Dec 2025"},
		{"time", noon.Unix(), "12:00:00 UTC"},
		{"time", float64(noon.UnixMilli()), "12:00:00 UTC"},
		{"time", "yesterday", "yesterday"},
		{"duration", 150.0, "2 min"},
		{"duration", 0.0, "0 s"},
		{"duration", 0.25, "0.25 s"},
		{"duration", -7200.0, "−2 h"},
		{"duration", 1e300, "1.000e+300 s"},
		{"duration", math.Inf(1), "–"},
		{"bool", true, "yes"},
		{"string", 12.5, "12.5"},
		{"string", "a<b", "a<b"},
		{"string", map[string]any{"a": 1}, `{"a":1}`},
		{"", 7, "7"},
	}
	for _, tt := range tests {
		places := 0
		if f, ok := toNumber(tt.in); ok {
			places = decimals(f)
		}
		c := format(tt.in, feeds.Field{Type: tt.kind}, places, noon)
		got := map[string]string{"up": "▲", "down": "▼"}[c.Trend] + strings.TrimSpace(c.Text+" "+c.Unit)
		if got != tt.want {
			t.Errorf("format(%v as %s) = %q; want %q", tt.in, tt.kind, got, tt.want)
		}
	}
}

func TestDuration(t *testing.T) {
	tests := []struct {
		in   time.Duration
		want string
	}{
		{-time.Second, "0 s"}, {1999 * time.Millisecond, "1 s"}, {34 * time.Second, "34 s"}, {150 * time.Second, "2 min"},
		{time.Hour, "1 h"}, {65 * time.Minute, "1 h 5 min"}, {50 * time.Hour, "2 d 2 h"},
	}
	for _, tt := range tests {
		if got := Duration(tt.in); got != tt.want {
			t.Errorf("Duration(%v) = %q; want %q", tt.in, got, tt.want)
		}
	}
}

func TestFresh(t *testing.T) {
	tests := []struct{ state, class, want string }{
		{"ok", "", "2 s"},
		{"loading", "wait", "waiting"},
		{"error", "old", "failing since 11:59:00 UTC"},
		{"failing", "old", "source failing: connect to db-1:5432: connection refused · data of 11:59:28 UTC (34 s old)"},
		{"pausing", "old", "source failing: connect to db-1:5432: connection refused · next try in 40 s · data of 11:59:28 UTC (34 s old)"},
		{"source-old", "old", "source’s data is 2 min old"},
		{"late", "old", "reading late by 7 s · data 17 s old"},
	}
	for _, tt := range tests {
		r := canned("host")
		states[tt.state](&r)
		f := Fresh(r, now)
		got := f.Before + f.After
		if !f.At.IsZero() {
			got = f.Before + clock(f.At) + f.After
		}
		if f.Class != tt.class || got != tt.want {
			t.Errorf("Fresh(%s) = %q %q; want %q %q", tt.state, f.Class, got, tt.class, tt.want)
		}
	}
}

func TestPagerNamesFewPages(t *testing.T) {
	tests := []struct {
		current, pages int
		want           string
	}{
		{1, 1, ""}, {1, 3, "‹ 1 2 3 ›"}, {1, 27, "‹ 1 2 3 … 27 ›"}, {2, 27, "‹ 1 2 3 … 27 ›"},
		{14, 27, "‹ 1 … 13 14 15 … 27 ›"}, {27, 27, "‹ 1 … 25 26 27 ›"}, {5, 1 << 30, "‹ 1 … 4 5 6 … 1073741824 ›"},
	}
	for _, tt := range tests {
		page := &feeds.Page{Records: make([]feeds.Record, 1), Current: tt.current, Pages: tt.pages, Size: 10, Total: tt.pages * 10}
		f := FragmentView{Reading: feeds.Reading{Page: page}}
		var got []string
		for _, l := range f.pager().Links {
			got = append(got, l.Text)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("pager(%d of %d) = %s; want %s", tt.current, tt.pages, s, tt.want)
		}
	}
}

func TestThinKeepsPeaks(t *testing.T) {
	points := history(10, 1, 1)
	points[200].Value, points[77].Value = 99, -99
	thinned := thin(points, 60)
	if len(thinned) > 60 {
		t.Errorf("thin left %d points; want 60 at most", len(thinned))
	}
	has := func(v float64) bool {
		return slices.ContainsFunc(thinned, func(p feeds.Point) bool { return p.Value == v })
	}
	if !has(99) || !has(-99) {
		t.Error("thin lost a peak")
	}
	if !slices.IsSortedFunc(thinned, func(a, b feeds.Point) int { return a.At.Compare(b.At) }) {
		t.Error("thin changed the order of time")
	}
}

func TestSegmentsBreakAtGaps(t *testing.T) {
	points := history(10, 1, 1)
	apart := slices.Delete(slices.Clone(points), 100, 104)
	near := slices.Delete(slices.Clone(points), 100, 102)
	if a, n := len(segments(apart)), len(segments(near)); a != 2 || n != 1 {
		t.Errorf("segments = %d with 4 points missing, %d with 2; want 2 and 1", a, n)
	}
	if n := len(segments(nil)); n != 0 {
		t.Errorf("segments(none) = %d; want 0", n)
	}
}

func TestScaleIsRound(t *testing.T) {
	tests := []struct {
		unit      string
		values    []float64
		low, high float64
		ticks     string
	}{
		{"%", []float64{3, 55}, 0, 100, "0 25 50 75 100"},
		{"W", []float64{3, 43}, 0, 50, "0 10 20 30 40 50"},
		{"V", []float64{229.1, 231.2}, 229, 231.5, "229.0 229.5 230.0 230.5 231.0 231.5"},
		{"", []float64{0, 0}, 0, 1, "0.0 0.2 0.4 0.6 0.8 1.0"},
		{"°C", []float64{-5, 9}, -5, 10, "−5 0 5 10"},
		{"", []float64{10, 2.4e6}, 0, 2.5e6, "0.0M 0.5M 1.0M 1.5M 2.0M 2.5M"},
	}
	for _, tt := range tests {
		var points []feeds.Point
		for i, v := range tt.values {
			points = append(points, feeds.Point{At: noon.Add(time.Duration(i) * time.Second), Value: v})
		}
		low, high, step := scale(map[string][]feeds.Point{"a": points}, tt.unit, nil)
		var got []string
		for _, tick := range yTicks(frame{Low: low, High: high}, step) {
			got = append(got, tick.Text)
		}
		if s := strings.Join(got, " "); s != tt.ticks {
			t.Errorf("scale(%v %s) = %v to %v, marks %s; want %v to %v, %s", tt.values, tt.unit, low, high, s, tt.low, tt.high, tt.ticks)
		}
	}
}

func TestEmptyReadingsDoNotPanic(t *testing.T) {
	for _, view := range []string{"tiles", "chart", "table", "", "unknown"} {
		render(t, Panel(PanelView{Fragment: FragmentView{Look: Look{View: view}}}))
		f := FragmentView{Look: Look{View: view, Fields: []string{"gone"}}, Reading: canned("host", feeds.Record{}, nil)}
		render(t, Panel(PanelView{Fragment: f}))
	}
}
