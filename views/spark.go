package views

import (
	"math"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// spark is the last hour of one value as a small curve.
type spark struct {
	Class string // its colour: "up", "down", "warn", "crit" or ""
	Lines []string
	Areas []string
}

// The size of a spark's box in its own units, and how many points it shows at most.
const (
	sparkWidth  = 120
	sparkHeight = 28
	sparkPoints = 40
)

// How much of its size a value must move to fill a spark: in a tile little moves stay little, in a table each curve
// fills its line.
const (
	calm  = 0.1
	tight = 0
)

// hasCurves says whether any record has a history.
func (f FragmentView) hasCurves() bool {
	for _, rec := range f.records() {
		if len(f.History[f.series(rec)]) > 0 {
			return true
		}
	}
	return false
}

// series is the name of a record's first series.
func (f FragmentView) series(rec feeds.Record) string {
	if len(f.About.Values) == 0 {
		return ""
	}
	id := plain(rec[f.About.ID]).Text
	if len(f.About.Values) > 1 {
		return id + " " + f.About.Values[0]
	}
	return id
}

// spark draws the history of a record; it is empty when there is less than a line to draw.
func (f FragmentView) spark(rec feeds.Record, least float64) spark {
	points := recent(f.History[f.series(rec)], f.Reading.At)
	if len(points) < 2 {
		return spark{}
	}
	box := frame{From: points[0].At, To: f.Reading.At, Width: sparkWidth, Height: sparkHeight}
	box.Low, box.High = sparkRange(points, least)
	var s spark
	parts := segments(points)
	for _, part := range parts {
		part = thin(part, max(2, sparkPoints*len(part)/len(points)))
		s.Lines = append(s.Lines, box.line(part))
		s.Areas = append(s.Areas, box.area(part))
	}
	return s
}

// sparkRange is the range of values from the bottom to the top of a spark, with some air.
func sparkRange(points []feeds.Point, least float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, p := range points {
		low, high = min(low, p.Value), max(high, p.Value)
	}
	if want := least * max(math.Abs(low), math.Abs(high)); high-low < want {
		middle := (low + high) / 2
		low, high = middle-want/2, middle+want/2
	}
	if low == 0 && high == 0 {
		return 0, 1 // nothing lies on the floor
	}
	air := (high - low) * 0.1
	return low - air, high + air
}

// span is the time that curves of a reading show: the last hour, less where history is shorter, but never so little
// that the first points look like a trend.
func span(history map[string][]feeds.Point, until time.Time) (from, to time.Time) {
	from = until.Add(-shortestSpan)
	for _, points := range history {
		if kept := recent(points, until); len(kept) > 0 && kept[0].At.Before(from) {
			from = kept[0].At
		}
	}
	return from, until
}

// shortestSpan is the least time that a chart shows.
const shortestSpan = 5 * time.Minute
