package feeds

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// mappedSource is a source whose records have other names.
type mappedSource struct {
	source  Source
	desc    Description
	columns []mappedField
	whole   bool // records have the columns and nothing else
}

// mappedField is where a field comes from and what becomes of it.
type mappedField struct {
	name, from string
	kind       string // to convert to; empty: as it comes
	needed     bool   // a record without it tells nothing
}

// mappedRunner is one that runs.
type mappedRunner struct {
	*mappedSource
	runner Runner
}

func (s *mappedRunner) Run(ctx context.Context, wake func(unionID string)) error {
	return s.runner.Run(ctx, wake)
}

// columns are what becomes of the fields of a record. Without a list of fields those that are used otherwise are converted.
func (m *Mapping) columns(d Description) []mappedField {
	list := m.Fields
	if len(list) == 0 {
		used := append([]string{m.ID, m.Time, m.Status}, m.Values...)
		slices.Sort(used)
		for _, name := range slices.Compact(used) {
			if name != "" {
				list = append(list, FieldMapping{Name: name})
			}
		}
	}
	values := m.Values
	if len(values) == 0 {
		values = d.Values
	}
	var out []mappedField
	for _, f := range list {
		from := f.From
		if from == "" {
			from = f.Name
		}
		out = append(out, mappedField{
			name: f.Name, from: from, kind: m.kind(f), needed: f.Name == m.ID || slices.Contains(values, f.Name),
		})
	}
	return out
}

// Unwrap returns the source without the mapping.
func (s *mappedSource) Unwrap() Source { return s.source }

func (s *mappedSource) Describe() Description { return s.desc }

// Close closes the source where it can be closed.
func (s *mappedSource) Close() error {
	if c, ok := s.source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Poll maps what the source gives.
func (s *mappedSource) Poll(ctx context.Context, q Query) (Result, error) {
	res, err := s.source.Poll(ctx, q)
	if err != nil || len(s.columns) == 0 {
		return res, err
	}
	if err := s.checkShape(res.Records); err != nil {
		return Result{}, err
	}
	records := make([]Record, len(res.Records))
	var lost flaws
	for i, r := range res.Records {
		records[i] = s.mapRecord(r, &lost)
	}
	res.Records, res.Note = records, notes(res.Note, lost.note())
	if s.whole {
		res.Columns = nil // they have other names here
	}
	return res, nil
}

func (s *mappedSource) mapRecord(r Record, lost *flaws) Record {
	out := make(Record, len(s.columns))
	if !s.whole {
		out = maps.Clone(r)
		if out == nil {
			out = Record{}
		}
	}
	for _, c := range s.columns {
		v, ok := lookUp(r, c.from)
		if !ok && !s.whole {
			continue
		}
		out[c.name] = convert(v, c.kind)
		if out[c.name] == nil && !isBlank(v) {
			lost.add(c.name, lacks(v, c.kind), v)
		}
	}
	return out
}

// checkShape reports a field that matters and that no record has any more.
func (s *mappedSource) checkShape(records []Record) error {
	if len(records) == 0 {
		return nil
	}
	for _, c := range s.columns {
		if !c.needed {
			continue
		}
		has := func(r Record) bool {
			_, ok := lookUp(r, c.from)
			return ok
		}
		if !slices.ContainsFunc(records, has) {
			return fmt.Errorf("no record has the field %s; there are: %s", quote(c.from), someNames(records[0]))
		}
	}
	return nil
}

const namesShown = 12

// someNames are the names in a record.
func someNames(r Record) string {
	names := slices.Sorted(maps.Keys(r))
	if len(names) == 0 {
		return "none"
	}
	for i, name := range names {
		names[i] = clip(name, maxName)
	}
	if len(names) > namesShown {
		names = append(names[:namesShown], "…")
	}
	return strings.Join(names, ", ")
}

// lookUp finds a value by its name, or by a way of names with dots between them.
func lookUp(r map[string]any, way string) (any, bool) {
	if v, ok := r[way]; ok {
		return v, true
	}
	name, rest, nested := strings.Cut(way, ".")
	if !nested {
		return nil, false
	}
	switch inner := r[name].(type) {
	case map[string]any:
		return lookUp(inner, rest)
	case Record:
		return lookUp(inner, rest)
	}
	return nil, false
}

// convert makes v what a type asks for; nil where that is not possible.
func convert(v any, kind string) any {
	if b, ok := v.([]byte); ok {
		v = string(b)
	}
	if v == nil || kind == "" {
		return v
	}
	switch kind {
	case "string", "state":
		return convertText(v)
	case "bool":
		return convertBool(v)
	case "time":
		if t, ok := v.(time.Time); ok {
			return t.UTC().Format(timeLayout)
		}
		if t, ok := parseTime(v); ok {
			return t.Format(timeLayout)
		}
		return nil
	}
	return convertNumber(v, kind)
}
