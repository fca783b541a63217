package views

import (
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// legend names the curves of a chart and gives their newest values.
type legend struct {
	Items  []legendItem
	More   string // how many series are not drawn, in words; empty: none
	Bounds []bound
}

// legendItem is one series.
type legendItem struct {
	Class, Series, Label string
	Value                cell
	State                cell // of a record that is a reason to look
}

// meaning is what a series is called and measured in, and how its record stands.
type meaning struct {
	Label, Unit string
	State       cell // "" unless its newest value is beyond a bound
}

// meanings explains the series of the records of the page.
func (f FragmentView) meanings() map[string]meaning {
	known := make(map[string]meaning)
	for _, rec := range f.records() {
		id, label := plain(rec[f.About.ID]).Text, plain(rec[f.labelField()]).Text
		for _, field := range f.valueFields() {
			m := meaning{Label: label, Unit: f.unit(rec, field)}
			if s := f.blamed(rec, field.Name); s != "" {
				m.State = stateCell(s)
			}
			if len(f.About.Values) > 1 {
				m.Label += " " + field.Label
				known[id+" "+field.Name] = m
				continue
			}
			known[id] = m
		}
	}
	return known
}

// labels are what people call the series.
func (f FragmentView) labels(names []string) []string {
	known := f.meanings()
	labels := make([]string, len(names))
	for i, name := range names {
		labels[i] = name
		if m, ok := known[name]; ok {
			labels[i] = m.Label
		}
	}
	return labels
}

// legend is that of all series that are drawn. A series that has no value at the newest time has none now.
func (f FragmentView) legend() legend {
	names, known, common := f.seriesNames(), f.meanings(), f.commonUnit()
	var values []float64
	var newest time.Time
	for _, name := range names {
		if last, ok := lastPoint(f.History[name]); ok {
			values = append(values, last.Value)
			if last.At.After(newest) {
				newest = last.At
			}
		}
	}
	places := decimals(values...)
	l := legend{Items: make([]legendItem, 0, len(names)), Bounds: f.bounds()}
	for i, label := range f.labels(names) {
		item := legendItem{Class: colour(i), Series: names[i], Label: label, Value: cell{Text: none, Empty: true}}
		if last, ok := lastPoint(f.History[names[i]]); ok && last.At.Equal(newest) {
			item.Value = cell{Text: number(last.Value, places), Unit: common}
			if m, ok := known[names[i]]; ok {
				item.Value.Unit, item.State = m.Unit, m.State
			}
		}
		l.Items = append(l.Items, item)
	}
	if more := len(f.History) - len(names); more > 0 {
		l.More = fill(text.MoreSeries, "n", number(float64(more), 0))
	}
	return l
}

func lastPoint(points []feeds.Point) (feeds.Point, bool) {
	if len(points) == 0 {
		return feeds.Point{}, false
	}
	return points[len(points)-1], true
}

// valueFields are the fields that are kept for curves.
func (f FragmentView) valueFields() []feeds.Field {
	all, fields := f.fields(), make([]feeds.Field, 0, len(f.About.Values))
	for _, name := range f.About.Values {
		if i := slices.IndexFunc(all, func(d feeds.Field) bool { return d.Name == name }); i >= 0 {
			fields = append(fields, all[i])
		}
	}
	return fields
}

// valueField is the first of them.
func (f FragmentView) valueField() feeds.Field {
	if fields := f.valueFields(); len(fields) > 0 {
		return fields[0]
	}
	return feeds.Field{}
}

// commonUnit is the unit of all series of the page; empty when they differ.
func (f FragmentView) commonUnit() string {
	unit, first := f.unit(nil, f.valueField()), true
	for _, m := range f.meanings() {
		if !first && m.Unit != unit {
			return ""
		}
		unit, first = m.Unit, false
	}
	return unit
}
