package feeds

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Verdict is what the thresholds of a feed with alerts made of one table.
type Verdict struct {
	Sub     Subscription // what was judged: the feed, the node of one that measures the machine, the user where records are each user's own
	Version int64        // rises with each table, on whichever node
	At      time.Time    // when the records were judged
	Beyond  []Finding    // those that are not StateOK

	id   string
	find func() map[string]Record // made when it is first asked for
}

// Finding is a record that is beyond a bound, by the worst of the thresholds.
type Finding struct {
	Record string
	Label  string // what people call it; empty: as Record
	Field  string
	Value  *float64 // nil: it is missing in this table
	Bound  float64
	Below  bool
	Unit   string
	State  State
	Since  time.Time // when the value went beyond the bound
}

// Value returns the number in a field of a record, nil where there is none, and whether the record is in the table.
func (v Verdict) Value(record, field string) (value *float64, there bool) {
	r, there := v.find()[record]
	return valueOf(r, field), there
}

// byID finds records.
func byID(records []Record, id string) map[string]Record {
	found := make(map[string]Record, len(records))
	for _, r := range records {
		found[text(r[id])] = r
	}
	return found
}

func valueOf(r Record, field string) *float64 {
	if n, ok := number(r[field]); ok {
		return &n
	}
	return nil
}

// Alerting returns the subscriptions whose polls are judged for alerts, to be pinned. Of a source that cuts the pages itself it is
// the first one, as large as can be.
func (s *Scheduler) Alerting() []Subscription {
	var subs []Subscription
	for _, f := range s.Feeds() {
		for _, unionID := range f.AlertFor {
			sub := Subscription{Feed: f.Name, UnionID: unionID, Current: 1, Size: 1}
			if !f.Source.Describe().Whole {
				sub.Size = MaxSize
			}
			subs = append(subs, sub)
		}
	}
	return subs
}

// checkAlerts refuses alerts of what is never judged.
func (f Feed) checkAlerts(d Description) error {
	switch {
	case len(f.AlertFor) == 0:
		return nil
	case len(f.Thresholds) == 0:
		return fmt.Errorf("alerts need thresholds, and there are none")
	case !d.PerUser && !slices.Equal(f.AlertFor, []string{""}):
		return fmt.Errorf("alertFor: the records are the same for all users; allowed: alerts: true")
	case f.NeedsUnionID && slices.Contains(f.AlertFor, ""):
		return fmt.Errorf("alerts: the records are each user's own; allowed: alertFor: the unionIds whose records are judged")
	}
	for _, unionID := range f.AlertFor {
		if parsed, err := ParseUnionID(unionID); err != nil || parsed != unionID {
			return fmt.Errorf("alertFor: %s; allowed: 64-bit integers", quote(unionID))
		}
	}
	return nil
}

// verdict is that on a table of p which was just judged; nil: p is not one that is judged for alerts.
func (p *poll) verdict(t *table, now time.Time) *Verdict {
	f, key := p.feed, p.key
	if !slices.Contains(f.AlertFor, key.UnionID) || !f.desc.Whole && (key.Current != 1 || key.Size != MaxSize) {
		return nil
	}
	v := &Verdict{Sub: Subscription{Feed: key.Feed, Node: key.Node, UnionID: key.UnionID}, At: now, id: f.desc.ID}
	for _, r := range t.records {
		if state := State(text(r[StateField])); state == StateWarn || state == StateCrit {
			v.Beyond = append(v.Beyond, f.finding(r, t.marks, state, now))
		}
	}
	return v
}

// finding says of a record in the given state by which threshold it is.
func (f *feed) finding(r Record, marks marks, state State, now time.Time) Finding {
	found := Finding{Record: text(r[f.desc.ID]), State: state}
	if f.desc.Label != "" && r[f.desc.Label] != nil {
		found.Label = text(r[f.desc.Label])
	}
	for n, t := range f.Thresholds {
		m := marks[markKey(n, found.Record)]
		if t.state(m, now) != state {
			continue
		}
		found.Field, found.Below, found.Value = t.Field, t.Below, valueOf(r, t.Field)
		found.Bound, found.Since = *cmp.Or(t.Warn, t.Crit), m.Warn
		if state == StateCrit {
			found.Bound, found.Since = *t.Crit, m.Crit
		}
		break
	}
	found.Unit = f.unitOf(r, found.Field)
	return found
}

// unitOf is the unit of a field of a record.
func (f *feed) unitOf(r Record, field string) string {
	if f.desc.Unit != "" && r[f.desc.Unit] != nil && slices.Contains(f.desc.Values, field) {
		return text(r[f.desc.Unit])
	}
	for _, known := range f.desc.Fields {
		if known.Name == field {
			return known.Unit
		}
	}
	return ""
}

// handOver takes the verdict off a table that has become the newest one.
func (p *poll) handOver(t *table, now time.Time) *Verdict {
	if t == nil || t != p.table || t.verdict == nil {
		return nil
	}
	v := t.verdict
	t.verdict = nil
	v.Version = cmp.Or(p.version(), now.UnixMicro())
	records := t.records
	v.find = sync.OnceValue(func() map[string]Record { return byID(records, v.id) })
	return v
}
