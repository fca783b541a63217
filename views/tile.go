package views

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pulsewall/pulsewall/feeds"
)

// tile is one record as a big number.
type tile struct {
	Label  string
	Value  cell
	State  cell // by the thresholds, if there are any
	Detail string
	Spark  spark
}

// mostDetails is how many other fields a tile names when the record has no field for that.
const mostDetails = 3

// tiles are the records of the page.
func (f FragmentView) tiles() []tile {
	field := f.valueField()
	var tiles []tile
	for _, rec := range f.records() {
		places := 0
		if n, ok := toNumber(rec[field.Name]); ok {
			places = decimals(n)
		}
		t := tile{
			Label:  plain(rec[f.labelField()]).Text,
			Value:  format(rec[field.Name], field, places, f.Reading.At),
			Detail: f.detail(rec, field),
			Spark:  f.spark(rec, calm),
		}
		if t.Value.Unit == "" && !t.Value.Empty {
			t.Value.Unit = f.unit(rec, field)
		}
		t.Value.State = f.blamed(rec, field.Name)
		t.Spark.Class = cmp.Or(string(t.Value.State), t.Value.Trend)
		if f.judged() {
			t.State = stateCell(f.state(rec))
		}
		tiles = append(tiles, t)
	}
	return tiles
}

// detail is the quiet line under the number: the record's own, else its other fields.
func (f FragmentView) detail(rec feeds.Record, value feeds.Field) string {
	if d, ok := rec["detail"]; ok {
		if d == nil {
			return ""
		}
		return plain(d).Text
	}
	var parts []string
	skip := []string{f.About.ID, f.labelField(), f.About.Unit, f.About.Time, value.Name}
	if f.judged() {
		skip = append(skip, feeds.StateField)
	}
	for _, d := range f.fields() {
		v := rec[d.Name]
		if v == nil || slices.Contains(skip, d.Name) || d.Type == "time" || d.Type == "bool" || len(parts) == mostDetails {
			continue
		}
		parts = append(parts, f.labelled(v, d))
	}
	return strings.Join(parts, " · ")
}

func (f FragmentView) labelled(v any, d feeds.Field) string {
	places := 0
	if n, ok := toNumber(v); ok {
		places = decimals(n)
	}
	c := format(v, d, places, f.Reading.At)
	if d.Type == "string" {
		return c.Text
	}
	if c.Unit == "" {
		c.Unit = f.unit(nil, d)
	}
	sign := map[string]string{"up": "▲", "down": "▼"}[c.Trend]
	return strings.TrimSpace(d.Label + " " + sign + c.Text + " " + c.Unit)
}
