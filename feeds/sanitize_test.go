package feeds

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

type grade int

func (g grade) String() string { return fmt.Sprintf("grade %d", int(g)) }

type text2 string

func TestSanitize(t *testing.T) {
	one := 1
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	list := []any{nil}
	list[0] = list
	tests := []struct{ in, want any }{
		{nil, nil}, {true, true}, {7, 7}, {"ok", "ok"}, {1.5, 1.5},
		{math.NaN(), nil}, {math.Inf(-1), nil}, {float32(0.5), 0.5}, {float32(math.Inf(1)), nil},
		{"a\xffb", "a\uFFFDb"}, {[]byte("raw\xfe"), "raw\uFFFD"}, {text2("x"), "x"}, {grade(3), "grade 3"},
		{errors.New("boom"), "boom"}, {&one, 1}, {(*int)(nil), nil}, {json.Number("12"), int64(12)}, {json.Number("1.5"), 1.5}, {json.Number("x"), nil},
		{time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.FixedZone("", 3600)), "2026-01-02T02:04:05.678Z"},
		{[]float64{1, math.NaN()}, []any{1.0, nil}}, {Record{"a": math.NaN()}, map[string]any{"a": nil}},
		{make(chan int), "(chan int)"}, {struct{ A int }{1}, "(struct { A int })"},
	}
	for _, tt := range tests {
		rows := []Record{{"v": tt.in}}
		sanitize(rows)
		if got := rows[0]["v"]; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("sanitize(%#v) = %#v; want %#v", tt.in, got, tt.want)
		}
	}
	rows := []Record{nil, {"a": cyclic, "b": list, "bad\xffkey": 1}}
	sanitize(rows)
	if _, err := json.Marshal(rows); err != nil || rows[0] == nil {
		t.Errorf("json of %v: %v", rows, err)
	}
}

func TestSanitizeLeavesTheRecordsOfTheSourceAlone(t *testing.T) {
	source := []Record{{"v": math.NaN()}, {"v": 1}}
	got := newTable(Result{Records: source}, Query{}, true)
	if !math.IsNaN(source[0]["v"].(float64)) || got.records[0]["v"] != nil {
		t.Errorf("source has %v, table %v", source, got.records)
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "The source failed without saying why.",
		"dial tcp: refused\nat": "Dial tcp: refused.",
		" Done. ":               "Done.",
		"a\x00b\xff":            "A b\uFFFD.",
		"über":                  "Über.",
	} {
		if got := sentence(in); got != want {
			t.Errorf("sentence(%q) = %q; want %q", in, got, want)
		}
	}
	if got := sentence(strings.Repeat("ä", 1000)); utf8.RuneCountInString(got) != maxSentence {
		t.Errorf("a long one has %d characters; want %d", utf8.RuneCountInString(got), maxSentence)
	}
}
