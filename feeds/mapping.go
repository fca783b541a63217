package feeds

import (
	"context"
	"io"
)

// Mapping says what the records of a source mean, in the words of a [Description]. What is left out is as the source says.
type Mapping struct {
	Title  string         `yaml:"title,omitempty"`
	ID     string         `yaml:"id,omitempty"`     // field that identifies a record
	Label  string         `yaml:"label,omitempty"`  // field to show for a record; default ID
	Values []string       `yaml:"values,omitempty"` // numeric fields kept for charts
	Unit   string         `yaml:"unit,omitempty"`   // field with the unit of a record
	Time   string         `yaml:"time,omitempty"`   // field with the time of a record
	Status string         `yaml:"status,omitempty"` // field with the state of a record
	Fields []FieldMapping `yaml:"fields,omitempty"` // the columns; records have these fields and no others
}

// FieldMapping is one column.
type FieldMapping struct {
	Name     string `yaml:"name"`
	From     string `yaml:"from,omitempty"`  // name in the source, with dots into nested values; default Name
	Label    string `yaml:"label,omitempty"` // default Name
	Unit     string `yaml:"unit,omitempty"`
	Type     string `yaml:"type,omitempty"`     // as of a [Field]
	Decimals *int   `yaml:"decimals,omitempty"` // digits after the point, 0 to 9
}

// Map returns s with its records named and converted as m says. It is a [Runner] and an [io.Closer] where s is.
// The error is a *OptionError.
func Map(s Source, m Mapping) (Source, error) {
	mapped := &mappedSource{source: s}
	if r, ok := s.(Runner); ok {
		return &mappedRunner{mapped, r}, nil
	}
	return mapped, nil
}

// mappedSource is a source whose records have other names.
type mappedSource struct {
	source Source
	desc   Description
}

// mappedRunner is one that runs.
type mappedRunner struct {
	*mappedSource
	runner Runner
}

func (s *mappedRunner) Run(ctx context.Context, wake func(unionID string)) error {
	return s.runner.Run(ctx, wake)
}

// Unwrap returns the source without the mapping.
func (s *mappedSource) Unwrap() Source { return s.source }

func (s *mappedSource) Describe() Description { return s.source.Describe() }

func (s *mappedSource) Poll(ctx context.Context, q Query) (Result, error) {
	return s.source.Poll(ctx, q)
}

// Close closes the source where it can be closed.
func (s *mappedSource) Close() error {
	if c, ok := s.source.(io.Closer); ok {
		return c.Close()
	}
	return nil
}
