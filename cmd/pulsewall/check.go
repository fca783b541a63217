package main

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/pulsewall/pulsewall/feeds"
)

// check compares a node with the type that will hold it and notes where everything stands. It is in front of the
// library's decoder because that stops at the first mistake and cannot say what would have been allowed.
func (f *file) check(n ast.Node, t reflect.Type, path string) {
	n, ok := resolved(n)
	if !ok { // an alias: checked where its anchor stands
		return
	}
	if n.Type() == ast.NullType {
		return
	}
	f.places[path] = start(n)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		f.checkText(n, reflect.New(t).Interface().(encoding.TextUnmarshaler), path)
		return
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		if _, scalar := n.(ast.ScalarNode); scalar && t == reflect.TypeFor[feeds.FieldMapping]() {
			return // its name alone
		}
		f.checkMapping(n, t, path)
	case reflect.Slice:
		f.checkList(n, t, path)
	default:
		f.checkScalar(n, t, path)
	}
}

func resolved(n ast.Node) (ast.Node, bool) {
	switch n := n.(type) {
	case *ast.AnchorNode:
		return resolved(n.Value)
	case *ast.TagNode:
		return resolved(n.Value)
	case *ast.AliasNode:
		return nil, false
	}
	return n, true
}

func (f *file) checkMapping(n ast.Node, t reflect.Type, path string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		f.fault(path, "%s stands where keys are expected; %s", describe(n), allowedIn(t))
		return
	}
	for entries := m.MapRange(); entries.Next(); {
		key := entries.Key()
		if key.IsMergeKey() {
			f.check(entries.Value(), t, path)
			continue
		}
		text := key.GetToken().Value
		child := strings.TrimPrefix(path+"."+text, ".")
		if t.Kind() == reflect.Map {
			f.check(entries.Value(), t.Elem(), child)
			continue
		}
		i := slices.IndexFunc(settings(t), func(s setting) bool { return s.key == text })
		if i < 0 {
			f.at(key.GetToken().Position, path, "unknown key %q; %s", text, allowedIn(t))
			continue
		}
		f.check(entries.Value(), settings(t)[i].kind, child)
	}
}

// start is where a node begins. The library's token of a mapping is a colon in it.
func start(n ast.Node) *token.Position {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key.GetToken().Position
		}
	case *ast.MappingValueNode:
		return n.Key.GetToken().Position
	}
	return n.GetToken().Position
}

func (f *file) checkList(n ast.Node, t reflect.Type, path string) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		f.fault(path, "%s stands where a list is expected; allowed: [a, b], or one line each beginning with -", describe(n))
		return
	}
	for i, item := range list.Values {
		f.check(item, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
	}
}

func (f *file) checkText(n ast.Node, into encoding.TextUnmarshaler, path string) {
	if _, ok := n.(ast.ScalarNode); !ok {
		f.fault(path, "%s stands where one value is expected", describe(n))
		return
	}
	if err := into.UnmarshalText([]byte(n.GetToken().Value)); err != nil {
		f.fault(path, "%v", err)
	}
}

func (f *file) checkScalar(n ast.Node, t reflect.Type, path string) {
	if _, ok := n.(ast.ScalarNode); !ok {
		f.fault(path, "%s stands where one value is expected", describe(n))
		return
	}
	value := n.GetToken().Value
	if t == reflect.TypeFor[time.Duration]() {
		if _, err := time.ParseDuration(value); err != nil {
			f.fault(path, "%q is not a duration; allowed: one written like 500ms, 10s or 5m", value)
		}
		return
	}
	switch t.Kind() {
	case reflect.Bool:
		if n.Type() != ast.BoolType {
			f.fault(path, "%q is unknown; allowed: true, false", value)
		}
	case reflect.Float64:
		if _, err := strconv.ParseFloat(value, 64); err != nil || n.Type() != ast.IntegerType && n.Type() != ast.FloatType {
			f.fault(path, "%q is not a number", value)
		}
	case reflect.Int, reflect.Int64, reflect.Uint64:
		if _, err := strconv.ParseUint(value, 10, 63); err != nil || n.Type() != ast.IntegerType {
			f.fault(path, "%q is not a number; allowed: a whole number from 0", value)
		}
	}
}

func describe(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "a mapping"
	case *ast.SequenceNode:
		return "a list"
	}
	return strconv.Quote(n.GetToken().Value)
}

// setting is a key and the type of what it holds.
type setting struct {
	key  string
	kind reflect.Type
}

// settings are those of a struct, in the order of its fields, with those of the structs that are inline in it.
func settings(t reflect.Type) []setting {
	var out []setting
	for i := range t.NumField() {
		key, how, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		switch {
		case how == "inline":
			out = append(out, settings(t.Field(i).Type)...)
		case key != "-" && key != "":
			out = append(out, setting{key, t.Field(i).Type})
		}
	}
	return out
}

func allowedIn(t reflect.Type) string {
	if t.Kind() != reflect.Struct {
		return "allowed: key: value"
	}
	var names []string
	for _, s := range settings(t) {
		names = append(names, s.key)
	}
	return "allowed: " + strings.Join(names, ", ")
}
