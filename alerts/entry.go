package alerts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// mostUntold is how many events of one record may wait to be told. When there are more, the oldest is given up.
const mostUntold = 16

// entry is the alert of one record in the store. It is never changed, but replaced by another with a higher rank.
type entry struct {
	N       int64    `json:"n"`                // number of the alert, among those of the record
	Seq     int      `json:"seq"`              // number of its changes
	Rev     int      `json:"rev"`              // number of writes since N
	Version int64    `json:"version"`          // of the verdict that it follows
	Alert   Alert    `json:"alert"`            // as it is
	Untold  []untold `json:"untold,omitempty"` // oldest first

	raw     []byte   // as it is in the store
	dirty   bool     // changed while the store was out of reach
	dropped []untold // events that nobody will be told any more, as there are too many
}

// untold is an event that somebody has not been told yet.
type untold struct {
	Event  Event    `json:"event"`
	To     []string `json:"to"`     // names of targets
	Teller string   `json:"teller"` // the process that tells them
}

func decode(raw []byte) (*entry, error) {
	e := &entry{raw: raw}
	if err := json.Unmarshal(raw, e); err != nil {
		return nil, fmt.Errorf("read an alert: %w", err)
	}
	return e, nil
}

// bytes is what the store has of e; nil: nothing.
func (e *entry) bytes() []byte {
	if e == nil {
		return nil
	}
	return e.raw
}

func (e *entry) raised() bool { return e != nil && e.Alert.Cleared.IsZero() }

// stays says whether nobody takes e out of the store: one that is not there was lost by it.
func (e *entry) stays() bool { return e.raised() || e != nil && (e.dirty || len(e.Untold) > 0) }

func (e *entry) source() Source {
	return Source{Feed: e.Alert.Feed, Node: e.Alert.Node, UnionID: e.Alert.UnionID}
}

// compare says which of two has gone further.
func (e *entry) compare(other *entry) int {
	return cmp.Or(cmp.Compare(e.N, other.N), cmp.Compare(e.Seq, other.Seq), cmp.Compare(e.Rev, other.Rev))
}

// raise makes the alert of a finding, the next one after old if there was one.
func raise(old *entry, v Verdict, f Finding) *entry {
	next := &entry{N: v.At.Unix(), Version: v.Version}
	if old != nil {
		next.N = old.N + 1
		next.Untold = old.Untold
	}
	next.Alert = Alert{
		ID:   v.Source.key(f.Record)[:16] + "-" + strconv.FormatInt(next.N, 36),
		Feed: v.Source.Feed, Node: v.Source.Node, UnionID: v.Source.UnionID,
		Record: clip(f.Record, mostText), Label: clip(f.Label, mostText), Raised: stamp(v.At),
	}
	next.Alert.measure(f)
	return next.say(Raised, v.At)
}

// become takes over what a finding says of an alert whose state has changed.
func (e *entry) become(v Verdict, f Finding) *entry {
	next, change := *e, Better
	if f.State == Crit {
		change = Worse
	}
	next.Version = v.Version
	next.Alert.measure(f)
	return next.say(change, v.At)
}

// clear ends the alert.
func (e *entry) clear(version int64, value *float64, reason string, now time.Time) *entry {
	next := *e
	next.Version = version
	next.Alert.Value, next.Alert.Reason, next.Alert.Cleared = value, reason, stamp(now)
	return next.say(Cleared, now)
}

// acknowledge notes who knows of the alert.
func (e *entry) acknowledge(a Ack) *entry {
	next := *e
	next.Alert.Ack = &a
	return next.say(Acknowledged, a.At)
}

// measure takes over what a finding says.
func (a *Alert) measure(f Finding) {
	a.Field, a.Value, a.Bound, a.Below, a.Unit = f.Field, f.Value, f.Bound, f.Below, clip(f.Unit, mostText)
	a.State, a.Since = f.State, stamp(f.Since)
}

// say makes the change an event that nobody was told yet. For whom it is, who writes the entry knows.
func (e *entry) say(change Change, now time.Time) *entry {
	e.Seq++
	event := Event{ID: e.Alert.ID + "-" + strconv.Itoa(e.Seq), Alert: e.Alert, Change: change, Time: stamp(now)}
	e.Untold = append(slices.Clone(e.Untold), untold{Event: event})
	return e
}

// told leaves out a target of an event; nil: it is not waiting for that.
func (e *entry) told(event, target string) *entry {
	at := slices.IndexFunc(e.Untold, func(u untold) bool { return u.Event.ID == event && slices.Contains(u.To, target) })
	if at < 0 {
		return nil
	}
	next := *e
	next.Untold = slices.Clone(e.Untold)
	to := slices.DeleteFunc(slices.Clone(next.Untold[at].To), func(name string) bool { return name == target })
	if next.Untold[at].To = to; len(to) == 0 {
		next.Untold = slices.Delete(next.Untold, at, at+1)
	}
	return &next
}

// stamp is a time as the store keeps it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
