package views

import (
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
