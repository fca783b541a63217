package views

import (
	"math"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// peaks chooses at most limit of the times at which series have points: of each stretch of an hour the one where the values are
// furthest from their means, so that no peak is lost, and the newest. Every value is shown at the time at which it was measured.
func peaks(all map[string][]feeds.Point, limit int) map[time.Time]bool {
	far := make(map[time.Time]float64) // how far the values at a time are from their means
	for _, points := range all {
		low, high, sum := math.Inf(1), math.Inf(-1), 0.0
		for _, p := range points {
			low, high, sum = min(low, p.Value), max(high, p.Value), sum+p.Value
		}
		mean, width := sum/float64(len(points)), max(high-low, math.SmallestNonzeroFloat64)
		for _, p := range points {
			far[p.At] += math.Abs(p.Value-mean) / width
		}
	}
	times := make([]time.Time, 0, len(far))
	for t := range far {
		times = append(times, t)
	}
	slices.SortFunc(times, time.Time.Compare)
	stretch := 1
	if len(times) > limit {
		stretch = (len(times) + limit - 1) / limit
	}
	chosen := make(map[time.Time]bool, limit)
	for part := range slices.Chunk(times, stretch) {
		best := part[0]
		for _, t := range part {
			if far[t] > far[best] {
				best = t
			}
		}
		chosen[best] = true
	}
	if len(times) > 0 {
		chosen[times[len(times)-1]] = true
	}
	return chosen
}

// atTimes keeps the points at the chosen times.
func atTimes(all map[string][]feeds.Point, chosen map[time.Time]bool) map[string][]feeds.Point {
	kept := make(map[string][]feeds.Point, len(all))
	for name, points := range all {
		kept[name] = slices.DeleteFunc(slices.Clone(points), func(p feeds.Point) bool { return !chosen[p.At] })
	}
	return kept
}
