package views

import (
	"io"
	"slices"
	"strings"

	"github.com/a-h/templ"

	"github.com/pulsewall/pulsewall/feeds"
)

// judged says whether thresholds give the records their state.
func (f FragmentView) judged() bool { return len(f.About.Thresholds) > 0 }

// isState says whether a column is that of the state by thresholds.
func (f FragmentView) isState(c column) bool { return f.judged() && c.Name == feeds.StateField }

// state is how a record stands by the thresholds of its feed; "" where there are none or nobody knows.
func (f FragmentView) state(rec feeds.Record) feeds.State {
	s, _ := rec[feeds.StateField].(string)
	if state := feeds.State(s); f.judged() && stateWord(state) != "" {
		return state
	}
	return ""
}

func stateWord(s feeds.State) string {
	switch s {
	case feeds.StateOK:
		return text.StateOK
	case feeds.StateWarn:
		return text.StateWarn
	case feeds.StateCrit:
		return text.StateCrit
	}
	return ""
}

// stateCell is a state as a mark with its word.
func stateCell(s feeds.State) cell {
	if s == "" {
		return cell{Text: text.StateUnknown, Mark: "none"}
	}
	return cell{Text: stateWord(s), Mark: string(s)}
}

// blamed is what a value of a record wears: where its field alone is judged the state of the record, else that of the worst
// bound which the value is beyond, as far as the record's own goes. It is "" of what is well.
func (f FragmentView) blamed(rec feeds.Record, field string) feeds.State {
	whole := f.state(rec)
	if whole == feeds.StateOK {
		return ""
	}
	if !slices.ContainsFunc(f.About.Thresholds, func(t feeds.Threshold) bool { return t.Field != field }) {
		return whole
	}
	var worst feeds.State
	v, ok := toNumber(rec[field])
	for _, t := range f.About.Thresholds {
		switch {
		case t.Field != field || !ok:
		case beyond(t, t.Crit, v) && whole == feeds.StateCrit:
			return feeds.StateCrit
		case beyond(t, t.Warn, v) && whole != "":
			worst = feeds.StateWarn
		}
	}
	return worst
}

func beyond(t feeds.Threshold, bound *float64, v float64) bool {
	return bound != nil && (t.Below && v <= *bound || !t.Below && v >= *bound)
}

// stateFirst has the state of judged records in front, whichever fields were chosen: there it is seen on the narrowest screen.
func (f FragmentView) stateFirst(cols []column) []column {
	if !f.judged() {
		return cols
	}
	cols = slices.DeleteFunc(cols, f.isState)
	return slices.Insert(cols, 0, column{Field: feeds.Field{Name: feeds.StateField, Label: text.State, Type: "state"}})
}

// tally is how many records of a page are a reason to look.
type tally struct {
	Worst string // "warn", "crit" or ""
	Text  string // "2 critical, 1 warning"; empty: none
}

func (f FragmentView) tally() tally {
	counts := make(map[feeds.State]int)
	for _, rec := range f.records() {
		counts[f.state(rec)]++
	}
	warn := text.WarnCount
	if n := counts[feeds.StateWarn]; n != 1 {
		warn = fill(text.WarnCounts, "n", number(float64(n), 0))
	}
	crit := fill(text.CritCount, "n", number(float64(counts[feeds.StateCrit]), 0))
	var t tally
	switch {
	case counts[feeds.StateCrit] == 0 && counts[feeds.StateWarn] == 0:
		return t
	case counts[feeds.StateCrit] == 0:
		t = tally{string(feeds.StateWarn), warn}
	case counts[feeds.StateWarn] == 0:
		t = tally{string(feeds.StateCrit), crit}
	default:
		t = tally{string(feeds.StateCrit), fill(text.BothCounts, "crit", crit, "warn", warn)}
	}
	if f.Reading.Page.Pages > 1 {
		t.Text = fill(text.OnThisPage, "counts", t.Text)
	}
	return t
}

// attributes have the script bring the head of the panel up to date with its body.
func (t tally) attributes() templ.Attributes {
	if t.Text == "" {
		return nil
	}
	return templ.Attributes{"data-worst": t.Worst, "data-tally": t.Text}
}

// openLook begins the element of one look in the html of a push.
func openLook(w io.Writer, key string, t tally) error {
	var b strings.Builder
	b.WriteString(`<div data-look="` + templ.EscapeString(key) + `"`)
	if t.Text != "" {
		b.WriteString(` data-worst="` + t.Worst + `" data-tally="` + templ.EscapeString(t.Text) + `"`)
	}
	b.WriteByte('>')
	_, err := io.WriteString(w, b.String())
	return err
}
