package views

import (
	"cmp"
	"maps"
	"slices"

	"github.com/pulsewall/pulsewall/feeds"
)

// fields are those of the feed. Where nobody has named them they are what the records of the page have: the label and
// the ID first, then the values, the rest by name.
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
	order := append([]string{f.About.Label, f.About.ID}, f.About.Values...)
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	if name == f.About.Time {
		return len(order) + 1
	}
	return len(order)
}

func (f FragmentView) guess(name string, v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case float64, int64, int:
		if name != f.About.Time {
			return "number"
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
