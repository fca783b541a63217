package feeds

import (
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFlawsAreToldInOneSentence(t *testing.T) {
	records := []Record{
		{"id": "x", "a": math.NaN(), "b": math.Inf(-1), "deep": map[string]any{"list": []any{1, float32(math.Inf(1))}}},
		{"id": "y", "a": math.Inf(1), "e": math.NaN(), "c": "fine"},
	}
	lost := sanitize(records)
	const want = `2 values of "a" are no finite number, such as NaN; 1 value of "b" is no finite number: -Inf; ` +
		`1 value of "deep" is no finite number: an object; 1 more in other fields.`
	if got := lost.note(); got != want {
		t.Errorf("note = %s\nwant %s", got, want)
	}
	if none := sanitize([]Record{{"a": 1, "b": "\xff"}, nil}); none.note() != "" {
		t.Errorf("note = %s; want none", none.note())
	}
	var long flaws
	long.add(strings.Repeat("f", 500), "no number", strings.Repeat("x", 1<<20))
	if n := len(long.note()); n > 4*maxSentence {
		t.Errorf("a note of %d bytes", n)
	}
}

// TestNoteTravels is what is wrong with a table on all nodes alike, and until it is not any more.
func TestNoteTravels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &fakeSource{Description: wholeTable}
		src.PollFn = func(context.Context, Query) (Result, error) {
			r := Record{"id": "x", "value": 1.5}
			if src.count() < 3 {
				r["value"] = math.NaN()
			}
			return Result{Records: []Record{r}, Note: "It said so itself.", Columns: []string{"value", "id"}}, nil
		}
		nodes := m.joinAll(2, Feed{Name: "a", Source: src})
		sub := watchAll(nodes, 1, "a")
		time.Sleep(15 * time.Second)
		for _, n := range nodes {
			r := n.last(sub)
			if want := `It said so itself. 1 value of "value" is no finite number: NaN.`; r.Note != want || r.Status != OK || !r.Same || r.Page.Records[0]["value"] != nil {
				t.Errorf("%s: %s, note %q; want ok and %q", n.name, r.Status, r.Note, want)
			}
			if strings.Join(r.Columns, " ") != "value id" {
				t.Errorf("%s: columns %v; want the order of the source", n.name, r.Columns)
			}
		}
		time.Sleep(10 * time.Second)
		for _, n := range nodes {
			if r := n.last(sub); r.Note != "It said so itself." || r.Same {
				t.Errorf("%s: note %q, same: %v; want what is left of it", n.name, r.Note, r.Same)
			}
		}
	})
}

// TestTableThatCannotBeCarried is a failure that says so, on all nodes.
func TestTableThatCannotBeCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{Description: wholeTable}
		src.PollFn = func(context.Context, Query) (Result, error) {
			n := 10
			if src.count() == 2 {
				n = 100_000
			}
			return Result{Records: []Record{{"id": strings.Repeat("<", n)}}}, nil // six bytes each
		}
		m := newMesh(t)
		r := startRig(t, Options{Node: "n", Peers: &meshNode{m: m, name: "n", wants: make(map[string]bool)}, MaxCarried: 500_000}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, _ := r.watch("a")
		time.Sleep(15 * time.Second)
		if got := r.last(sub); got.Status != Stale || !strings.HasPrefix(got.Error, "The table has 6") || !strings.HasSuffix(got.Error, " bytes as JSON, and 500000 can be carried to the other nodes; ask the source for less, or for pages.") {
			t.Errorf("%s: %s", got.Status, got.Error)
		}
		time.Sleep(10 * time.Second)
		if got := r.last(sub); got.Status != OK {
			t.Errorf("%s: %s; want ok when it is small again", got.Status, got.Error)
		}
	})
}

func TestLuggageIsNoLessThanItTakes(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	o := outcome{settled: at, since: at, took: time.Hour, failure: strings.Repeat("\x01", maxSentence), failures: math.MaxInt, table: &table{
		at: at, asOf: at, newest: at, total: math.MaxInt, note: strings.Repeat("<", 2*maxSentence), columns: []string{"<\x01é", "b"}, records: []Record{},
		marks: marks{"0 <\x01": {Warn: at, Crit: at}, "1 b": {Crit: at}},
	}}
	if got, most := len(o.encode(0)), o.table.luggage(); got > most {
		t.Errorf("%d bytes beside the records; luggage says %d", got, most)
	}
}

// TestThresholdOfAFieldThatNoRecordHas is a mistake that the first poll tells, and is noted where the source has lost the field.
func TestThresholdOfAFieldThatNoRecordHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lost := &fakeSource{Description: wholeTable}
		lost.PollFn = func(context.Context, Query) (Result, error) {
			if lost.count() == 1 {
				return Result{Records: []Record{{"id": "x", "value": 9.0}}}, nil
			}
			return Result{Records: []Record{{"id": "x"}}}, nil
		}
		wrong := &fakeSource{Description: wholeTable, PollFn: counting(2)}
		limit := func(field string) []Threshold { return []Threshold{{Field: field, Warn: bound(5)}} }
		r := startRig(t, Options{}, Feed{Name: "wrong", Source: wrong, Thresholds: limit("valve")}, Feed{Name: "lost", Source: lost, Thresholds: limit("value")})
		defer r.stop()
		first, _ := r.watch("wrong")
		second, _ := r.watch("lost")
		time.Sleep(15 * time.Second)
		if got := r.last(first); got.Status != Failed || got.Error != `Thresholds[0].field: no record has the field "valve"; there are: id, kind, value.` {
			t.Errorf("%s: %s", got.Status, got.Error)
		}
		got := r.last(second)
		if got.Status != OK || got.Note != `Thresholds[0].field: no record has the field "value"; there are: id.` || got.Page.Records[0][StateField] != "warn" {
			t.Errorf("%s: note %q, %v; want the state that it had, and why", got.Status, got.Note, got.Page.Records)
		}
	})
}
