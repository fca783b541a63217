package views

import (
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/feeds"
)

// TestFieldsThatNobodyDescribed are shown as what their values look like.
func TestFieldsThatNobodyDescribed(t *testing.T) {
	f := FragmentView{
		About: feeds.Description{ID: "order", Values: []string{"price"}},
		Reading: feeds.Reading{Page: &feeds.Page{Records: []feeds.Record{
			{"order": int64(1204300), "price": 2.5, "paid": true, "placed": "2026-02-03T04:05:06.789Z", "note": "2026-02-03", "state": "ok"},
		}}},
	}
	want := map[string]string{"order": "string", "price": "number", "paid": "bool", "placed": "time", "note": "string", "state": "state"}
	fields := f.fields()
	for _, field := range fields {
		if field.Type != want[field.Name] {
			t.Errorf("field %s is a %s; want a %s", field.Name, field.Type, want[field.Name])
		}
	}
	if len(fields) != len(want) {
		t.Errorf("%d fields; want %d", len(fields), len(want))
	}
}

// TestFieldsInTheOrderOfTheSource has those that a query names stand as it names them, and what was added behind them.
func TestFieldsInTheOrderOfTheSource(t *testing.T) {
	f := FragmentView{About: feeds.Description{ID: "id", Time: "at"}, Reading: canned("rows",
		feeds.Record{"id": 7, "total": 2.5, "at": "2026-03-01T12:00:00.000Z", "name": "x", "state": "ok"})}
	f.Reading.Columns = []string{"total", "at", "name", "id"}
	var got []string
	for _, field := range f.fields() {
		got = append(got, field.Name)
	}
	if want := "total at name id state"; strings.Join(got, " ") != want {
		t.Errorf("columns %v; want %s", got, want)
	}
}

func TestNoteStandsUnderTheRecords(t *testing.T) {
	f := processesFragment()
	f.Reading.Note = `2 values of "cpu" are no number, such as "<n/a>".`
	doc := parse(t, render(t, Fragment(f)))
	notes := find(doc, "class", "note")
	if len(notes) != 1 || textOf(notes[0]) != f.Reading.Note {
		t.Errorf("%d notes; want one that says %s", len(notes), f.Reading.Note)
	}
}
