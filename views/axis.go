package views

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// scale chooses round ends for the value axis and the distance of its marks. A percentage goes from 0 to 100, what
// comes near zero starts there, and a bound that is near is on it.
func scale(all map[string][]feeds.Point, unit string, bounds []bound) (low, high, step float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, points := range all {
		for _, p := range points {
			low, high = min(low, p.Value), max(high, p.Value)
		}
	}
	switch {
	case low > high:
		return 0, 100, 25
	case unit == "%" && low >= 0 && high <= 100:
		return 0, 100, 25
	case low >= 0 && low < high/2:
		low = 0
	case high-low < math.Abs(high)*1e-3:
		pad := cmp.Or(math.Abs(high)*1e-2, 1)
		low, high = low-pad, high+pad
	}
	if high == low {
		high = low + 1
	}
	low, high = reach(low, high, bounds)
	step = nice((high - low) / 5)
	return math.Floor(low/step) * step, math.Ceil(high/step) * step, step
}

// nice is the next round number from f up: 1, 2, 2.5 or 5 times a power of ten.
func nice(f float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 2.5, 5} {
		if f <= m*power*1.0001 {
			return m * power
		}
	}
	return 10 * power
}

func yTicks(box frame, step float64) []tick {
	count := int(math.Round((box.High - box.Low) / step))
	suffix := ""
	if most := max(math.Abs(box.Low), math.Abs(box.High)); most >= 1e5 { // longer marks would not fit beside the plot
		for _, k := range []string{"k", "M", "G", "T", "P"} {
			if most >= 1000 {
				most, box.Low, box.High, step, suffix = most/1000, box.Low/1000, box.High/1000, step/1000, k
			}
		}
	}
	places := max(0, -int(math.Floor(math.Log10(step)+1e-9)))
	if f := step * math.Pow(10, float64(places)); math.Abs(f-math.Round(f)) > 1e-9 {
		places++ // 2.5 needs one more than 2
	}
	ticks := make([]tick, 0, count+1)
	for i := range count + 1 {
		v := box.Low + float64(i)*step
		ticks = append(ticks, tick{At: short(100-100*share(v, box.Low, box.High)) + "%", Text: number(v, places) + suffix})
	}
	return ticks
}

// xSteps are the distances of the marks on the time axis.
var xSteps = []time.Duration{time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute}

func xTicks(box frame) []tick {
	whole := box.To.Sub(box.From)
	step := xSteps[len(xSteps)-1]
	for _, s := range slices.Backward(xSteps) {
		if whole/s < 6 {
			step = s
		}
	}
	var ticks []tick
	for t := box.From.Truncate(step); !t.After(box.To); t = t.Add(step) {
		at := 100 * share(float64(t.Sub(box.From)), 0, float64(whole))
		if t.Before(box.From) || at > 97 {
			continue
		}
		ticks = append(ticks, tick{At: short(at) + "%", Text: t.UTC().Format("15:04")})
	}
	return ticks
}
