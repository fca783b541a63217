package feeds

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func mustMap(t *testing.T, s Source, m Mapping) Source {
	t.Helper()
	mapped, err := Map(s, m)
	if err != nil {
		t.Fatal(err)
	}
	return mapped
}

func TestMapRenamesAndConverts(t *testing.T) {
	two := 2
	src := &fakeSource{Description: Description{Whole: true, PerUser: true}, PollFn: func(context.Context, Query) (Result, error) {
		return Result{Total: 7, Records: []Record{
			{"dev": int64(12), "m": map[string]any{"temp": " 21.50 "}, "ts": 1790000000, "up": "yes", "n": 3.0, "secret": 1},
			{"dev": []byte("b"), "m": map[string]any{"temp": math.NaN()}, "ts": "2026-11-22 18:00:00Z", "up": 0, "n": "9007199254740993"},
			{"dev": "c", "m": map[string]any{"temp": "warm"}, "ts": time.Unix(60, 0), "up": "perhaps", "n": true},
			{"dev": nil},
		}}, nil
	}}
	s := mustMap(t, src, Mapping{
		Title: "Devices", ID: "id", Values: []string{"temp"}, Time: "at", Status: "st",
		Fields: []FieldMapping{
			{Name: "id", From: "dev", Type: "string"}, {Name: "temp", From: "m.temp", Label: "Temperature", Unit: "°C", Decimals: &two},
			{Name: "at", From: "ts"}, {Name: "on", From: "up", Type: "bool"}, {Name: "n", Type: "integer"}, {Name: "st"},
		},
	})
	want := Description{
		Title: "Devices", ID: "id", Values: []string{"temp"}, Time: "at", Whole: true, PerUser: true,
		Fields: []Field{
			{Name: "id", Label: "id", Type: "string"}, {Name: "temp", Label: "Temperature", Unit: "°C", Type: "number", Decimals: &two},
			{Name: "at", Label: "at", Type: "time"}, {Name: "on", Label: "on", Type: "bool"},
			{Name: "n", Label: "n", Type: "integer"}, {Name: "st", Label: "st", Type: "state"},
		},
	}
	if diff := cmp.Diff(want, s.Describe()); diff != "" {
		t.Errorf("Describe: %s", diff)
	}
	res, err := s.Poll(t.Context(), Query{})
	if err != nil {
		t.Fatal(err)
	}
	records := []Record{
		{"id": "12", "temp": 21.5, "at": "2026-09-21T14:13:20.000Z", "on": true, "n": int64(3), "st": nil},
		{"id": "b", "temp": nil, "at": "2026-11-22T18:00:00.000Z", "on": false, "n": int64(9007199254740993), "st": nil},
		{"id": "c", "temp": nil, "at": "1970-01-01T00:01:00.000Z", "on": nil, "n": int64(1), "st": nil},
		{"id": nil, "temp": nil, "at": nil, "on": nil, "n": nil, "st": nil},
	}
	if diff := cmp.Diff(records, res.Records); diff != "" || res.Total != 7 {
		t.Errorf("Poll: total %d, %s", res.Total, diff)
	}
	const note = `1 value of "temp" is no finite number: NaN; 1 value of "temp" is no number: "warm"; 1 value of "on" is neither true nor false: "perhaps".`
	if res.Note != note {
		t.Errorf("note = %s\nwant %s", res.Note, note)
	}
}

func TestMapWithoutFieldsKeepsTheRest(t *testing.T) {
	src := &fakeSource{Description: Description{Whole: true}, PollFn: func(context.Context, Query) (Result, error) {
		return Result{Records: []Record{{"id": "a", "v": "2", "more": "x"}, {"id": "b"}}}, nil
	}}
	res, err := mustMap(t, src, Mapping{ID: "id", Values: []string{"v"}}).Poll(t.Context(), Query{})
	if want := []Record{{"id": "a", "v": int64(2), "more": "x"}, {"id": "b"}}; err != nil || !cmp.Equal(want, res.Records) {
		t.Errorf("Poll = %v, %v; want %v", res.Records, err, want)
	}
}

func TestMapToldOfAnotherShape(t *testing.T) {
	src := &fakeSource{Description: Description{Whole: true}, PollFn: func(context.Context, Query) (Result, error) {
		return Result{Records: []Record{{"ident": "a", "v": 2}}}, nil
	}}
	_, err := mustMap(t, src, Mapping{ID: "id", Values: []string{"v"}}).Poll(t.Context(), Query{})
	if want := `no record has the field "id"; there are: ident, v`; err == nil || err.Error() != want {
		t.Errorf("Poll = %v; want %s", err, want)
	}
}

func TestMapRefuses(t *testing.T) {
	ten := 10
	tests := []struct {
		m            Mapping
		key, problem string
	}{
		{Mapping{Fields: []FieldMapping{{Name: ""}}}, "fields[0].name", "missing"},
		{Mapping{Fields: []FieldMapping{{Name: "a"}, {Name: "a"}}}, "fields[1].name", "second time"},
		{Mapping{Fields: []FieldMapping{{Name: "a", Type: "float"}}}, "fields[0].type", "allowed: string, number"},
		{Mapping{Fields: []FieldMapping{{Name: "a", Decimals: &ten}}}, "fields[0].decimals", "0 to 9"},
		{Mapping{ID: "b", Fields: []FieldMapping{{Name: "a"}}}, "id", "allowed: a"},
		{Mapping{ID: "a", Values: []string{"b"}, Fields: []FieldMapping{{Name: "a"}}}, "values[0]", "allowed: a"},
		{Mapping{Values: []string{"b"}}, "values", "need an id"},
		{Mapping{Filters: []string{"b"}}, "filters", "whole table"},
	}
	for _, tt := range tests {
		_, err := Map(&fakeSource{}, tt.m)
		var wrong *OptionError
		if !errors.As(err, &wrong) || wrong.Key != tt.key || !strings.Contains(wrong.Problem, tt.problem) {
			t.Errorf("Map(%+v) = %v; want %s: …%s", tt.m, err, tt.key, tt.problem)
		}
	}
}

// runningSource is one that runs and closes.
type runningSource struct {
	fakeSource
	closed bool
}

func (r *runningSource) Run(_ context.Context, wake func(string)) error { wake("7"); return errDown }
func (r *runningSource) Close() error                                   { r.closed = true; return errDown }

func TestMapPassesOnRunAndClose(t *testing.T) {
	src := new(runningSource)
	s := mustMap(t, src, Mapping{Title: "x"})
	var woken string
	if err := s.(Runner).Run(t.Context(), func(id string) { woken = id }); !errors.Is(err, errDown) || woken != "7" {
		t.Errorf("Run = %v, woke %q; want %v and 7", err, woken, errDown)
	}
	if err := s.(interface{ Close() error }).Close(); !errors.Is(err, errDown) || !src.closed {
		t.Errorf("Close = %v; want that of the source", err)
	}
	if got := s.(interface{ Unwrap() Source }).Unwrap(); !reflect.DeepEqual(got, Source(src)) {
		t.Errorf("Unwrap = %v", got)
	}
	if _, runs := mustMap(t, &fakeSource{}, Mapping{}).(Runner); runs {
		t.Error("a mapped source runs, and the source does not")
	}
}
