package views

import (
	"math"
	"slices"

	"github.com/pulsewall/pulsewall/feeds"
)

// bound is a value of a chart from which on records are in another state.
type bound struct {
	State feeds.State
	Value float64
	Label string // in words: "Warning ≥ 26 °C"
	At    string // its place as a percentage from the top; set where it is drawn
}

// bounds are those of the thresholds of the fields that the chart shows, each once.
func (f FragmentView) bounds() []bound {
	var list []bound
	fields := f.valueFields()
	for _, field := range fields {
		for _, t := range f.About.Thresholds {
			if t.Field != field.Name {
				continue
			}
			for _, b := range f.boundsOf(t, field) {
				if len(fields) > 1 {
					b.Label = fill(text.BoundOf, "field", field.Label, "bound", b.Label)
				}
				if !slices.Contains(list, b) {
					list = append(list, b)
				}
			}
		}
	}
	return list
}

// boundsOf are those of one threshold, the worse last.
func (f FragmentView) boundsOf(t feeds.Threshold, field feeds.Field) []bound {
	unit, label := f.unit(nil, field), text.BoundAbove
	if f.About.Unit != "" {
		unit = f.commonUnit()
	}
	if unit != "" {
		unit = " " + unit
	}
	if t.Below {
		label = text.BoundBelow
	}
	var list []bound
	add := func(s feeds.State, v *float64) {
		if v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) {
			words := fill(label, "state", stateWord(s), "value", number(*v, decimals(*v))+unit)
			list = append(list, bound{State: s, Value: *v, Label: words})
		}
	}
	add(feeds.StateWarn, t.Warn)
	add(feeds.StateCrit, t.Crit)
	return list
}

// reach widens a range of values to the bounds that are near: curves keep at least half of the height.
func reach(low, high float64, bounds []bound) (float64, float64) {
	most := 2 * (high - low)
	for _, b := range bounds {
		if l, h := min(low, b.Value), max(high, b.Value); h-l <= most {
			low, high = l, h
		}
	}
	return low, high
}

// bounds are those within the box, with their places.
func (f frame) bounds(all []bound) []bound {
	var list []bound
	for _, b := range all {
		if b.Value >= f.Low && b.Value <= f.High {
			b.At = short(100-100*share(b.Value, f.Low, f.High)) + "%"
			list = append(list, b)
		}
	}
	return list
}

// boundsJSON is [["warn",26],["crit",30]]; "" of none.
func boundsJSON(bounds []bound) string {
	if len(bounds) == 0 {
		return ""
	}
	list := make([][2]any, 0, len(bounds))
	for _, b := range bounds {
		list = append(list, [2]any{b.State, b.Value})
	}
	return encoded(list)
}
