package feeds

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// StateField is the field that thresholds add to the records of a feed. Its values are those of a State.
const StateField = "state"

// State is how a record stands by the thresholds of its feed, the worst of all.
type State string

// The states, rising.
const (
	StateOK   State = "ok"
	StateWarn State = "warn"
	StateCrit State = "crit"
)

const longestFor = 24 * time.Hour

// Threshold says from which value on a field of a record is a reason to look. At least one of Warn and Crit is needed.
type Threshold struct {
	Field string   `yaml:"field"`
	Warn  *float64 `yaml:"warn,omitempty"`
	Crit  *float64 `yaml:"crit,omitempty"`
	// Below has low values be the bad ones.
	Below bool `yaml:"below,omitempty"`
	// Hysteresis is how far a value must come back over a bound before the state does. The default is 0.
	Hysteresis float64 `yaml:"hysteresis,omitempty"`
	// For is how long values must be beyond a bound before the state follows, up to 24 h. The default is 0: at once.
	For time.Duration `yaml:"for,omitempty"`
}

// Check refuses what cannot work with a feed that describes itself as d. The error is a *OptionError.
func (t Threshold) Check(d Description) error {
	fail := func(key, format string, args ...any) error {
		return &OptionError{Key: key, Problem: fmt.Sprintf(format, args...)}
	}
	switch {
	case t.Field == "":
		return fail("field", "is missing: the field whose values are judged")
	case !d.has(t.Field):
		return fail("field", "%s is no field; allowed: %s", quote(t.Field), d.fieldNames())
	case d.ID == "":
		return fail("field", "needs an id, by which a record is known again; allowed: id: a field that differs by record")
	case t.Warn == nil && t.Crit == nil:
		return fail("warn", "is missing; allowed: warn, crit, or both")
	case infinite(t.Warn):
		return fail("warn", "%v; allowed: a number", *t.Warn)
	case infinite(t.Crit):
		return fail("crit", "%v; allowed: a number", *t.Crit)
	case t.Warn != nil && t.Crit != nil && (*t.Crit < *t.Warn) != t.Below && *t.Crit != *t.Warn:
		return fail("crit", "%v is passed before warn at %v; allowed: one beyond it, or below: true where low values are bad", *t.Crit, *t.Warn)
	case t.Hysteresis < 0 || infinite(&t.Hysteresis):
		return fail("hysteresis", "%v; allowed: 0 or more", t.Hysteresis)
	case t.For < 0 || t.For > longestFor:
		return fail("for", "%s; allowed: 0s to 24h", t.For)
	}
	return nil
}

// infinite says whether a bound is one that no value is ever beyond, or that is no number.
func infinite(bound *float64) bool {
	return bound != nil && (math.IsNaN(*bound) || math.IsInf(*bound, 0))
}

// mark is since when a value has been beyond the bounds of one threshold, with no break; zero: it is not. It is all that has
// to be remembered.
type mark struct {
	Warn, Crit time.Time
}

// next is the mark after one more value. It depends on nothing else.
func (t Threshold) next(m mark, v float64, now time.Time) mark {
	return mark{
		Warn: t.since(m.Warn, t.Warn, v, now),
		Crit: t.since(m.Crit, t.Crit, v, now),
	}
}

func (t Threshold) since(since time.Time, bound *float64, v float64, now time.Time) time.Time {
	if bound == nil {
		return time.Time{}
	}
	at, back := *bound, t.Hysteresis
	if since.IsZero() || now.Sub(since) < t.For {
		back = 0 // only a state that was reached is held on to
	}
	beyond := v >= at || !since.IsZero() && back > 0 && v > at-back
	if t.Below {
		beyond = v <= at || !since.IsZero() && back > 0 && v < at+back
	}
	switch {
	case !beyond:
		return time.Time{}
	case since.IsZero():
		return now
	}
	return since
}

// state is what a mark means now.
func (t Threshold) state(m mark, now time.Time) State {
	reached := func(since time.Time) bool { return !since.IsZero() && now.Sub(since) >= t.For }
	switch {
	case reached(m.Crit):
		return StateCrit
	case reached(m.Warn):
		return StateWarn
	}
	return StateOK
}

// marks are those of the records of a table, by the number of the threshold and the record's ID. What is well has none.
type marks map[string]mark

func markKey(threshold int, id string) string { return fmt.Sprintf("%d %s", threshold, id) }

// judge gives the records of t their states. A field that is in none of them is a mistake in the first table, and noted in those that come
// after a good one.
func (p *poll) judge(t *table, before marks, first bool) error {
	if err := p.feed.missesField(t.records); err != nil {
		if first {
			return err
		}
		t.note = notes(t.note, sentence(err.Error()))
	}
	now := time.Now()
	t.marks = judge(p.feed.Thresholds, before, t.records, p.feed.desc.ID, now)
	t.verdict = p.verdict(t, now)
	return nil
}

// missesField reports a threshold whose field no record has.
func (f *feed) missesField(records []Record) error {
	if len(records) == 0 || len(f.desc.Fields) > 0 {
		return nil
	}
	for i, t := range f.Thresholds {
		has := func(r Record) bool {
			_, ok := r[t.Field]
			return ok
		}
		if !slices.ContainsFunc(records, has) {
			return fmt.Errorf("thresholds[%d].field: no record has the field %s; there are: %s", i, quote(t.Field), someNames(records[0]))
		}
	}
	return nil
}

// judge gives each record its state and returns the marks to judge the next table with. It is a function of its arguments
// alone. A value that is missing leaves its mark as it was; a record that is missing is forgotten, and one without any
// value to judge, and without a mark, has no state.
func judge(thresholds []Threshold, before marks, records []Record, id string, now time.Time) marks {
	after := make(marks)
	for i, r := range records {
		name := text(r[id])
		worst, seen := StateOK, false
		for n, t := range thresholds {
			key := markKey(n, name)
			m := before[key]
			if v, ok := number(r[t.Field]); ok {
				m, seen = t.next(m, v, now), true
			}
			if m != (mark{}) {
				after[key] = m
			}
			worst = slices.MaxFunc([]State{worst, t.state(m, now)}, worse)
		}
		judged := make(Record, len(r)+1)
		for k, v := range r {
			judged[k] = v
		}
		judged[StateField] = nil // nobody knows that it is well
		if seen || worst != StateOK {
			judged[StateField] = string(worst)
		}
		records[i] = judged //nolint:gosec // i is an index of records
	}
	return after
}

var states = []State{StateOK, StateWarn, StateCrit}

func worse(a, b State) int { return cmp.Compare(slices.Index(states, a), slices.Index(states, b)) }

// Describe is what the source says, with the thresholds and the field that they add.
func (f Feed) Describe() Description {
	d := f.Source.Describe()
	d.Thresholds = f.Thresholds
	if len(f.Thresholds) > 0 && len(d.Fields) > 0 && !slices.ContainsFunc(d.Fields, isState) {
		d.Fields = append(slices.Clone(d.Fields), Field{Name: StateField, Label: "State", Type: "state"})
	}
	return d
}

func isState(f Field) bool { return f.Name == StateField }
