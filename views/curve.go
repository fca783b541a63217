package views

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// window is how far back curves go.
const window = time.Hour

// frame is the box that points are drawn into: times from left to right, values from bottom to top.
type frame struct {
	From, To      time.Time
	Low, High     float64
	Width, Height float64
}

// segments cuts points where the line must break: where more than three times their usual distance lies between two.
func segments(points []feeds.Point) [][]feeds.Point {
	limit := 3 * usualStep(points)
	var parts [][]feeds.Point
	start := 0
	for i := 1; i < len(points); i++ {
		if points[i].At.Sub(points[i-1].At) > limit {
			parts = append(parts, points[start:i])
			start = i
		}
	}
	if start < len(points) {
		parts = append(parts, points[start:])
	}
	return parts
}

// usualStep is the median time between two points.
func usualStep(points []feeds.Point) time.Duration {
	if len(points) < 2 {
		return window
	}
	steps := make([]time.Duration, 0, len(points)-1)
	for i := 1; i < len(points); i++ {
		steps = append(steps, points[i].At.Sub(points[i-1].At))
	}
	slices.Sort(steps)
	return steps[len(steps)/2]
}

// thin keeps at most limit points: of each stretch the lowest and the highest, so that no peak is lost.
func thin(points []feeds.Point, limit int) []feeds.Point {
	if len(points) <= limit || limit < 2 {
		return points
	}
	buckets := limit / 2
	out := make([]feeds.Point, 0, limit)
	for b := range buckets {
		part := points[b*len(points)/buckets : (b+1)*len(points)/buckets]
		low, high := 0, 0
		for i, p := range part {
			if p.Value < part[low].Value {
				low = i
			}
			if p.Value > part[high].Value {
				high = i
			}
		}
		out = append(out, part[min(low, high)])
		if low != high {
			out = append(out, part[max(low, high)])
		}
	}
	return out
}

// recent are the points of the hour up to and including until.
func recent(points []feeds.Point, until time.Time) []feeds.Point {
	from := until.Add(-window)
	i, _ := slices.BinarySearchFunc(points, from, func(p feeds.Point, t time.Time) int { return p.At.Compare(t) })
	points = points[i:]
	odd := func(p feeds.Point) bool { return math.IsNaN(p.Value) || math.IsInf(p.Value, 0) || p.At.After(until) }
	if !slices.ContainsFunc(points, odd) {
		return points
	}
	return slices.DeleteFunc(slices.Clone(points), odd) // the history belongs to the caller
}

// line is the points attribute of a polyline.
func (f frame) line(points []feeds.Point) string {
	var b strings.Builder
	for i, p := range points {
		if i > 0 {
			b.WriteByte(' ')
		}
		f.write(&b, p)
	}
	if len(points) == 1 { // a line of no length is drawn as a dot
		b.WriteByte(' ')
		f.write(&b, points[0])
	}
	return b.String()
}

// area is the points attribute of the polygon between the line and the bottom.
func (f frame) area(points []feeds.Point) string {
	floor := "," + short(f.Height)
	first, last := points[0], points[len(points)-1]
	return short(f.x(first)) + floor + " " + f.line(points) + " " + short(f.x(last)) + floor
}

func (f frame) write(b *strings.Builder, p feeds.Point) {
	b.WriteString(short(math.Round(f.x(p)))) // a decimal would be less than a pixel, and much of a page's weight
	b.WriteByte(',')
	b.WriteString(short(f.y(p.Value)))
}

func (f frame) x(p feeds.Point) float64 {
	return f.Width * share(float64(p.At.Sub(f.From)), 0, float64(f.To.Sub(f.From)))
}

func (f frame) y(v float64) float64 { return f.Height * (1 - share(v, f.Low, f.High)) }

// share says where v lies between low and high, from 0 to 1.
func share(v, low, high float64) float64 {
	if high <= low {
		return 0.5
	}
	return min(max((v-low)/(high-low), 0), 1)
}

// short is a coordinate with one decimal at most.
func short(f float64) string {
	return strconv.FormatFloat(math.Round(f*10)/10, 'f', -1, 64)
}
