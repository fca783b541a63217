package views

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/pulsewall/pulsewall/feeds"
)

func bounded(warn, crit float64) feeds.Threshold {
	return feeds.Threshold{Field: "value", Warn: &warn, Crit: &crit}
}

// roomsFragment is five rooms: two too warm, one warm, one well, and one of which nothing is known.
func roomsFragment(view string) FragmentView {
	about := feeds.Description{
		Title: "Rooms", ID: "room", Label: "room", Values: []string{"value"}, Whole: true,
		Fields: []feeds.Field{
			{Name: "room", Label: "Room", Type: "string"}, {Name: "value", Label: "Temperature", Unit: "°C", Type: "number"},
			{Name: "floor", Label: "Floor", Type: "integer"}, {Name: "state", Label: "State", Type: "state"},
		},
		Thresholds: []feeds.Threshold{bounded(26, 30)},
	}
	f := FragmentView{Look: Look{View: view}, About: about, History: map[string][]feeds.Point{}}
	values, states := []any{21.4, 31.2, 26.8, nil, 33.0}, []any{"ok", "crit", "warn", nil, "crit"}
	var records []feeds.Record
	for i := range values {
		room := fmt.Sprintf("Room %d", i+1)
		records = append(records, feeds.Record{"room": room, "value": values[i], "floor": i, "state": states[i]})
		if v, ok := values[i].(float64); ok {
			f.History[room] = append(history(v-1, 0.8, v), feeds.Point{At: noon.Add(time.Second), Value: v})
		}
	}
	f.Reading = canned("rooms/-/1/10", records...)
	f.Reading.At = noon.Add(time.Second)
	return f
}

func judgedPage() PageView {
	page := overview()
	page.Frame, page.Panels = cannedFrame("Rooms"), nil
	for _, view := range []string{"tiles", "table", "chart"} {
		page.Panels = append(page.Panels, panel(view, "Rooms as "+view, roomsFragment(view)))
	}
	return page
}

func TestTally(t *testing.T) {
	tests := []struct {
		states string // one letter a record
		pages  int
		worst  string
		want   string
	}{
		{"", 1, "", ""},
		{"oo-", 1, "", ""},
		{"ow", 1, "warn", "1 warning"},
		{"wow", 1, "warn", "2 warnings"},
		{"c", 1, "crit", "1 critical"},
		{"wccw", 1, "crit", "2 critical, 2 warnings"},
		{"cow", 3, "crit", "1 critical, 1 warning on this page"},
		{"ooo", 3, "", ""},
	}
	for _, tt := range tests {
		f := roomsFragment("table")
		f.Reading.Page.Records, f.Reading.Page.Pages = nil, tt.pages
		for _, s := range tt.states {
			state := map[rune]any{'o': "ok", 'w': "warn", 'c': "crit"}[s]
			f.Reading.Page.Records = append(f.Reading.Page.Records, feeds.Record{"state": state})
		}
		if got := f.tally(); got.Worst != tt.worst || got.Text != tt.want {
			t.Errorf("tally of %s, page 1 of %d = %+v; want %s %q", tt.states, tt.pages, got, tt.worst, tt.want)
		}
		f.About.Thresholds = nil
		if got := f.tally(); got.Text != "" {
			t.Errorf("tally of %s without thresholds = %q; want none", tt.states, got.Text)
		}
	}
}

func TestStateComesFirst(t *testing.T) {
	tests := []struct {
		chosen string
		want   string // the head of the row in brackets
	}{
		{"", "State [Room] Temperature Floor"},
		{"room value", "State [Room] Temperature"},
		{"floor value state", "State [Floor] Temperature"},
		{"state", "[State]"},
	}
	for _, tt := range tests {
		f := roomsFragment("table")
		f.History, f.Look.Fields = nil, strings.Fields(tt.chosen)
		var got []string
		for _, c := range f.columns() {
			label := c.Label
			if c.Head {
				label = "[" + label + "]"
			}
			got = append(got, label)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("columns of %q = %s; want %s", tt.chosen, s, tt.want)
		}
	}
}

// TestOnlyWhatIsBeyondIsBlamed colours the values that are the reason for a state.
func TestOnlyWhatIsBeyondIsBlamed(t *testing.T) {
	f := roomsFragment("tiles")
	warm := f.Reading.Page.Records[1]
	if value, floor := f.blamed(warm, "value"), f.blamed(warm, "floor"); value != "crit" || floor != "" {
		t.Errorf("value wears %q, floor %q; want crit and nothing", value, floor)
	}
	warm["value"] = 29.8 // held by hysteresis
	if value := f.blamed(warm, "value"); value != "crit" {
		t.Errorf("value wears %q while its record is held critical; want crit", value)
	}
	other := bounded(1, 2)
	other.Field = "floor"
	f.About.Thresholds = append(f.About.Thresholds, other)
	if value, floor := f.blamed(warm, "value"), f.blamed(warm, "floor"); value != "warn" || floor != "warn" {
		t.Errorf("of two that are judged 29.8 wears %q, floor 1 %q; want warn, from 26 and 1 on", value, floor)
	}
	if f.blamed(feeds.Record{"value": 33.0, "floor": 9, "state": "warn"}, "value") != "warn" {
		t.Error("33 wears more than the state of its record, which waits, or less")
	}
}

// TestStatesAreSaid wants a word wherever there is a colour.
func TestStatesAreSaid(t *testing.T) {
	words := map[string]string{"ok": "OK", "warn": "Warning", "crit": "Critical", "none": "Unknown"}
	for view, want := range map[string]int{"tiles": 5, "table": 5, "chart": 8} { // a chart: three in the legend, five in its table
		doc := parse(t, render(t, Panel(panel("rooms", "Rooms", roomsFragment(view)))))
		n := 0
		each(doc, func(e *html.Node) {
			class, _ := attr(e, "class")
			if state, ok := strings.CutPrefix(class, "mark "); ok {
				n++
				if textOf(e) != words[state] {
					t.Errorf("%s: the mark of %s says %q; want %q", view, state, textOf(e), words[state])
				}
			}
		})
		if n != want {
			t.Errorf("%s: %d marks; want %d", view, n, want)
		}
		tally := find(doc, "data-slot", "tally")
		if len(tally) != 1 || textOf(tally[0]) != "2 critical, 1 warning" {
			t.Errorf("%s: the head does not say 2 critical, 1 warning", view)
		}
	}
}

// TestHeadFollowsAPush: what is pushed says in attributes what the head has to say.
func TestHeadFollowsAPush(t *testing.T) {
	var b strings.Builder
	if err := RenderFragments(&b, []FragmentView{roomsFragment("tiles")}); err != nil {
		t.Fatal(err)
	}
	if want := `<div data-look="tiles" data-worst="crit" data-tally="2 critical, 1 warning">`; !strings.HasPrefix(b.String(), want) {
		t.Errorf("the push begins %.90q; want %q", b.String(), want)
	}
}
