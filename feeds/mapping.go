package feeds

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Mapping says what the records of a source mean, in the words of a [Description]. What is left out is as the source says.
type Mapping struct {
	Title   string         `yaml:"title,omitempty"`
	ID      string         `yaml:"id,omitempty"`      // field that identifies a record
	Label   string         `yaml:"label,omitempty"`   // field to show for a record; default ID
	Values  []string       `yaml:"values,omitempty"`  // numeric fields kept for charts
	Unit    string         `yaml:"unit,omitempty"`    // field with the unit of a record
	Time    string         `yaml:"time,omitempty"`    // field with the time of a record
	Status  string         `yaml:"status,omitempty"`  // field with the state of a record
	Filters []string       `yaml:"filters,omitempty"` // fields by which a subscription may filter, of a Whole source
	Fields  []FieldMapping `yaml:"fields,omitempty"`  // the columns; records have these fields and no others
}

// FieldMapping is one column. In YAML a name alone stands for one with that name.
type FieldMapping struct {
	Name     string `yaml:"name"`
	From     string `yaml:"from,omitempty"`  // name in the source, with dots into nested values; default Name
	Label    string `yaml:"label,omitempty"` // default Name
	Unit     string `yaml:"unit,omitempty"`
	Type     string `yaml:"type,omitempty"`     // as of a [Field]; by default what the Mapping says of the field, else as it comes
	Decimals *int   `yaml:"decimals,omitempty"` // digits after the point, 0 to 9; by default as many as the values need
}

// UnmarshalYAML reads a name, or the keys.
func (m *FieldMapping) UnmarshalYAML(read func(any) error) error {
	*m = FieldMapping{}
	if read(&m.Name) == nil {
		return nil
	}
	type keys FieldMapping
	return read((*keys)(m))
}

// fieldTypes are the types that a field may have.
var fieldTypes = []string{"string", "number", "integer", "bytes", "percent", "time", "duration", "change", "bool", "state"}

const maxDecimals = 9

// Map returns s with its records named and converted as m says. It is a [Runner] and an [io.Closer] where s is.
// The error is a *OptionError.
func Map(s Source, m Mapping) (Source, error) {
	d := s.Describe()
	if err := m.check(d); err != nil {
		return nil, err
	}
	mapped := &mappedSource{source: s, desc: m.describe(d), columns: m.columns(d), whole: len(m.Fields) > 0}
	if r, ok := s.(Runner); ok {
		return &mappedRunner{mapped, r}, nil
	}
	return mapped, nil
}

// IsZero says whether nothing is given.
func (m Mapping) IsZero() bool { return reflect.ValueOf(m).IsZero() }

// fieldNames are the names that the keys of m may use; empty: any.
func (m *Mapping) fieldNames() []string {
	names := make([]string, 0, len(m.Fields))
	for _, f := range m.Fields {
		names = append(names, f.Name)
	}
	return names
}

// check refuses what cannot work with a source that describes itself as d.
func (m *Mapping) check(d Description) error {
	if err := m.checkFields(); err != nil {
		return err
	}
	names := m.fieldNames()
	if len(names) == 0 {
		for _, f := range d.Fields {
			names = append(names, f.Name)
		}
	}
	known := func(key, name string) error {
		if name == "" || len(names) == 0 || slices.Contains(names, name) {
			return nil
		}
		return &OptionError{Key: key, Problem: fmt.Sprintf("%s is no field; allowed: %s", quote(name), strings.Join(names, ", "))}
	}
	for _, use := range []struct{ key, name string }{
		{"id", m.ID}, {"label", m.Label}, {"unit", m.Unit}, {"time", m.Time}, {"status", m.Status},
	} {
		if err := known(use.key, use.name); err != nil {
			return err
		}
	}
	for i, name := range m.Values {
		if err := known(fmt.Sprintf("values[%d]", i), name); err != nil {
			return err
		}
	}
	for i, name := range m.Filters {
		if err := known(fmt.Sprintf("filters[%d]", i), name); err != nil {
			return err
		}
	}
	switch {
	case len(m.Values) > 0 && m.ID == "" && d.ID == "":
		return &OptionError{Key: "values", Problem: "need an id, which names their curves; allowed: id: a field that differs by record"}
	case len(m.Filters) > 0 && !d.Whole:
		return &OptionError{Key: "filters", Problem: "need the whole table, and this source is asked for pages"}
	}
	return nil
}

func (m *Mapping) checkFields() error {
	seen := make(map[string]bool)
	for i, f := range m.Fields {
		key := fmt.Sprintf("fields[%d]", i)
		switch {
		case f.Name == "" || len(f.Name) > maxName:
			return &OptionError{Key: key + ".name", Problem: "is missing or too long; allowed: 1 to 64 bytes"}
		case seen[f.Name]:
			return &OptionError{Key: key + ".name", Problem: fmt.Sprintf("%s stands here a second time", quote(f.Name))}
		case f.Type != "" && !slices.Contains(fieldTypes, f.Type):
			return &OptionError{Key: key + ".type", Problem: fmt.Sprintf("%s is unknown; allowed: %s", quote(f.Type), strings.Join(fieldTypes, ", "))}
		case f.Decimals != nil && (*f.Decimals < 0 || *f.Decimals > maxDecimals):
			return &OptionError{Key: key + ".decimals", Problem: fmt.Sprintf("%d; allowed: 0 to %d", *f.Decimals, maxDecimals)}
		}
		seen[f.Name] = true
	}
	return nil
}

// kind is the type of a field: what is said of it, or follows from its use.
func (m *Mapping) kind(f FieldMapping) string {
	switch {
	case f.Type != "":
		return f.Type
	case f.Name == m.Time:
		return "time"
	case f.Name == m.Status:
		return "state"
	case slices.Contains(m.Values, f.Name):
		return "number"
	}
	return ""
}

// describe completes d with m.
func (m *Mapping) describe(d Description) Description {
	if len(m.Fields) > 0 {
		names := m.fieldNames()
		kept := func(name string) string { // of what the source says, where the field is still there
			if slices.Contains(names, name) {
				return name
			}
			return ""
		}
		d.ID, d.Label, d.Unit, d.Time = kept(d.ID), kept(d.Label), kept(d.Unit), kept(d.Time)
		gone := func(name string) bool { return kept(name) == "" }
		d.Values = slices.DeleteFunc(slices.Clone(d.Values), gone)
		d.Filters = slices.DeleteFunc(slices.Clone(d.Filters), gone)
		d.Fields = nil
		for _, f := range m.Fields {
			d.Fields = append(d.Fields, Field{
				Name: f.Name, Label: cmp.Or(f.Label, f.Name), Unit: f.Unit, Type: cmp.Or(m.kind(f), "string"), Decimals: f.Decimals,
			})
		}
	}
	d.Title, d.ID, d.Label = cmp.Or(m.Title, d.Title), cmp.Or(m.ID, d.ID), cmp.Or(m.Label, d.Label)
	d.Unit, d.Time = cmp.Or(m.Unit, d.Unit), cmp.Or(m.Time, d.Time)
	if len(m.Values) > 0 {
		d.Values = m.Values
	}
	if len(m.Filters) > 0 {
		d.Filters = m.Filters
	}
	return d
}
