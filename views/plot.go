package views

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pulsewall/pulsewall/feeds"
)

// The size of a plot's box in its own units, how many points a line shows, how many lines a plot, at how
// many times the script gets their values, and how many colours there are.
const (
	plotWidth  = 600
	plotHeight = 200
	plotPoints = 60
	plotLines  = 12
	mostTimes  = 100 // that the data for the script has
	colours    = 8
)

// plot is the chart of all series of a reading, drawn here for browsers that do not draw it themselves.
type plot struct {
	Curves []curve
	Y, X   []tick
	Bounds []bound // of thresholds, those on the scale
	Points string  // the data for the script, as JSON
	// BoundValues are all bounds for the script, as JSON; empty: none.
	BoundValues string
	Unit        string
	Label       string // what it shows, in words
}

// curve is one series of a plot.
type curve struct {
	Class string // its colour
	Lines []string
	Areas []string
}

// tick is a mark on an axis: At is its place as a percentage of the axis.
type tick struct {
	At   string
	Text string
}

// seriesNames are those that a chart shows, "core 2" before "core 10".
func (f FragmentView) seriesNames() []string {
	names := slices.SortedFunc(maps.Keys(f.History), naturally)
	return names[:min(len(names), plotLines)]
}

// plot draws the last hour.
func (f FragmentView) plot() plot {
	p := plot{Unit: f.commonUnit()}
	names := f.seriesNames()
	all := make(map[string][]feeds.Point, len(names))
	for _, name := range names {
		all[name] = recent(f.History[name], f.Reading.At)
	}
	p.Points = pointsJSON(names, atTimes(all, peaks(all, mostTimes)))
	p.Label = text.LastHour + ": " + strings.Join(f.labels(names), ", ")
	box := frame{Width: plotWidth, Height: plotHeight}
	box.From, box.To = span(all, f.Reading.At)
	var step float64
	bounds := f.bounds()
	p.BoundValues = boundsJSON(bounds)
	box.Low, box.High, step = scale(all, p.Unit, bounds)
	p.Bounds = box.bounds(bounds)
	p.Y, p.X = yTicks(box, step), xTicks(box)
	for i, name := range names {
		c := curve{Class: colour(i)}
		for _, part := range segments(all[name]) {
			part = thin(part, max(2, plotPoints*len(part)/len(all[name])))
			c.Lines = append(c.Lines, box.line(part))
			if i == 0 && box.Low == 0 {
				c.Areas = append(c.Areas, box.area(part))
			}
		}
		p.Curves = append(p.Curves, c)
	}
	return p
}

func colour(i int) string { return "s" + strconv.Itoa(i%colours) }

// pointsJSON keeps the order of names, from which the script takes the colours.
func pointsJSON(names []string, all map[string][]feeds.Point) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(name) // a string always marshals
		b.Write(key)
		b.WriteString(":[")
		for j, p := range all[name] {
			if j > 0 {
				b.WriteByte(',')
			}
			b.WriteString("[" + millis(p.At) + "," + strconv.FormatFloat(p.Value, 'g', 5, 64) + "]")
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.String()
}
