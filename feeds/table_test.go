package feeds

import (
	"fmt"
	"reflect"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []any{"2026-01-02T03:04:05Z", "2026-01-02 04:04:05+01:00", want.Unix(), want.UnixMilli(), float64(want.Unix()), fmt.Sprint(want.Unix()), uint32(want.Unix())} {
		if got, ok := parseTime(v); !ok || !got.Equal(want) {
			t.Errorf("parseTime(%#v) = %v, %t; want %v", v, got, ok, want)
		}
	}
	for _, v := range []any{nil, "", "soon", true, 1e300, "1e300", []any{1}} {
		if got, ok := parseTime(v); ok {
			t.Errorf("parseTime(%#v) = %v; want none", v, got)
		}
	}
}

func TestWrongResultsAreRepaired(t *testing.T) {
	rows := func(n int) []Record { return make([]Record, n) }
	tests := []struct {
		res            Result
		q              Query
		records, total int
	}{
		{Result{Records: rows(20), Total: 100}, Query{Limit: 10}, 10, 100},
		{Result{Records: rows(3), Total: -5}, Query{Limit: 10}, 3, 3},
		{Result{Records: rows(3), Total: 2}, Query{Offset: 10, Limit: 10}, 3, 13},
		{Result{Total: -1}, Query{Offset: 10, Limit: 10}, 0, 0},
		{Result{Total: 7}, Query{Offset: 10, Limit: 10}, 0, 7},
	}
	for _, tt := range tests {
		got := newTable(tt.res, tt.q, false)
		if len(got.records) != tt.records || got.total != tt.total {
			t.Errorf("newTable(%d records, total %d, %+v) has %d of %d; want %d of %d", len(tt.res.Records), tt.res.Total, tt.q, len(got.records), got.total, tt.records, tt.total)
		}
	}
}

func TestCut(t *testing.T) {
	records := []Record{{"i": 0}, {"i": 1}, {"i": 2}, {"i": 3}, {"i": 4}}
	tests := []struct{ current, size, first, n, pages int }{
		{1, 2, 0, 2, 3}, {3, 2, 4, 1, 3}, {4, 2, 0, 0, 3}, {1, 500, 0, 5, 1}, {2, 5, 0, 0, 1}, {MaxCurrent, MaxSize, 0, 0, 1},
	}
	for _, tt := range tests {
		got := cut(records, tt.current, tt.size)
		if got.Total != 5 || got.Pages != tt.pages || got.Records == nil || len(got.Records) != tt.n || tt.n > 0 && got.Records[0]["i"] != tt.first {
			t.Errorf("cut(%d, %d) = %+v; want %d from %d, %d pages", tt.current, tt.size, got, tt.n, tt.first, tt.pages)
		}
	}
	if got := cut(nil, 1, 10); got.Pages != 0 || got.Records == nil {
		t.Errorf("cut of nothing = %+v; want no pages, an empty list", got)
	}
}

func TestValues(t *testing.T) {
	page := &Page{Records: []Record{{"id": "a", "x": 1, "y": 2.5}, {"id": "b", "x": nil, "y": "3"}, {"x": 9}, {"id": "a", "x": 7}, {"id": 5, "x": uint8(4)}}}
	one := Description{ID: "id", Values: []string{"x"}}
	if got, want := one.values(page), map[string]float64{"a": 1, "5": 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("values = %v; want %v", got, want)
	}
	two := Description{ID: "id", Values: []string{"x", "y"}}
	if got, want := two.values(page), map[string]float64{"a x": 1, "a y": 2.5, "5 x": 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("values = %v; want %v", got, want)
	}
	many := &Page{}
	for i := range 500 {
		many.Records = append(many.Records, Record{"id": i, "x": i})
	}
	if got := len(one.values(many)); got != historySeries {
		t.Errorf("%d series; want %d", got, historySeries)
	}
}
