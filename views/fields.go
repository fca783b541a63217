package views

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// stampLayout is how times are written for programs, and by sources that know a value to be a time.
const stampLayout = "2006-01-02T15:04:05.000Z"

// fields are those of the feed. Where nobody has named them they are what the records of the page have: the label and
// the ID first, then the values, the rest by name; or in the order of the source, where it has one.
func (f FragmentView) fields() []feeds.Field {
	if len(f.About.Fields) > 0 {
		return f.About.Fields
	}
	seen := make(map[string]any)
	for _, rec := range f.records() {
		for name, v := range rec {
			if seen[name] == nil {
				seen[name] = v
			}
		}
	}
	for _, name := range f.About.Values {
		if _, ok := seen[name]; !ok {
			seen[name] = nil
		}
	}
	names := slices.SortedFunc(maps.Keys(seen), func(a, b string) int {
		return cmp.Or(cmp.Compare(f.rank(a), f.rank(b)), naturally(a, b))
	})
	fields := make([]feeds.Field, len(names))
	for i, name := range names {
		fields[i] = feeds.Field{Name: name, Label: name, Type: f.guess(name, seen[name])}
	}
	return fields
}

// rank is where a field stands among those that nobody has named.
func (f FragmentView) rank(name string) int {
	if order := f.Reading.Columns; len(order) > 0 {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	order := append([]string{f.About.Label, f.About.ID}, f.About.Values...)
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	if name == f.About.Time {
		return len(order) + 1
	}
	return len(order)
}

// guess tells the type of a field that nobody has described by its name, and by a value of it.
func (f FragmentView) guess(name string, v any) string {
	if name == f.About.ID || name == f.About.Label {
		return "string" // a number too: 1204300, not 1,204,300
	}
	switch v := v.(type) {
	case bool:
		return "bool"
	case float64, int64, int:
		if name != f.About.Time {
			return "number"
		}
	case string:
		if _, err := time.Parse(stampLayout, v); err == nil {
			return "time"
		}
	}
	switch {
	case name == f.About.Time:
		return "time"
	case name == feeds.StateField:
		return "state"
	case v == nil && slices.Contains(f.About.Values, name):
		return "number"
	}
	return "string"
}
