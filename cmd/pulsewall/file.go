package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// file is a configuration file with the place of everything in it, and the mistakes found so far.
type file struct {
	name   string
	places places // of paths such as feeds[0].interval
	faults []fault
}

// places says where the value of a path stands.
type places map[string]*token.Position

// fault is one mistake.
type fault struct {
	line, column int
	text         string
}

// maxFile bounds what is read of a configuration file.
const maxFile = 1 << 20

// readFile reads the YAML of path into cfg. The error names the place of each mistake.
func readFile(path string, cfg *config) (*file, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer func() { _ = in.Close() }() // was only read
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("configuration: %s is too large; allowed: 1 MiB", path)
	}
	f := &file{name: path, places: make(places)}
	return f, f.decode(text, cfg)
}

func (f *file) decode(text []byte, cfg *config) error {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return f.library(err)
	}
	for i, doc := range tree.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			f.at(start(doc.Body), "", "a second document; allowed: one")
		default:
			f.check(doc.Body, reflect.TypeFor[config](), "")
		}
	}
	if err := f.err(); err != nil {
		return err
	}
	if err := yaml.UnmarshalWithOptions(text, cfg, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return f.library(err)
	}
	return nil
}

// library puts an error of the YAML library into our form.
func (f *file) library(err error) error {
	var placed yaml.Error
	if errors.As(err, &placed) && placed.GetToken() != nil {
		f.at(placed.GetToken().Position, "", "%s", placed.GetMessage())
		return f.err()
	}
	return fmt.Errorf("%s: %w", f.name, err)
}

// fault notes a mistake at path, or at what holds it when it is missing.
func (f *file) fault(path, format string, args ...any) {
	at := path
	for at != "" && f.places[at] == nil {
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
	pos := f.places[at]
	if pos == nil {
		pos = &token.Position{Line: 1, Column: 1}
	}
	f.at(pos, path, format, args...)
}

func (f *file) at(pos *token.Position, path, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if path != "" {
		text = path + ": " + text
	}
	f.faults = append(f.faults, fault{line: pos.Line, column: pos.Column, text: text})
}

// err returns all mistakes in the order of the file; nil: none.
func (f *file) err() error {
	if len(f.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(f.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var lines []string
	for _, e := range f.faults {
		lines = append(lines, fmt.Sprintf("%s:%d:%d: %s", f.name, e.line, e.column, e.text))
	}
	if len(lines) == 1 {
		return errors.New(lines[0])
	}
	return fmt.Errorf("%d mistakes in the configuration\n  %s", len(lines), strings.Join(lines, "\n  "))
}
