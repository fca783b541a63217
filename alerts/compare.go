package alerts

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// finish makes next what can be written: with a number of its own, and with whom its events are to be told to, by this node.
func (e *Engine) finish(next *entry) error {
	next.Rev++
	for i, u := range next.Untold {
		if u.To != nil {
			continue
		}
		next.Untold[i].To, next.Untold[i].Teller = e.targetsOf(u.Event.Change), e.opts.Self
	}
	next.dropped = nil
	if over := len(next.Untold) - mostUntold; over > 0 {
		next.dropped, next.Untold = next.Untold[:over:over], next.Untold[over:]
	}
	var err error
	if next.raw, err = json.Marshal(next); err != nil {
		return fmt.Errorf("write an alert: %w", err)
	}
	return nil
}

// giveUp says which events were left out of what was written.
func (e *Engine) giveUp(written *entry) {
	for _, u := range written.dropped {
		for _, t := range e.targets {
			if slices.Contains(u.To, t.name) {
				t.lost.Add(1)
				e.opts.Logger.Error("alert not told: given up, as it has changed too often since", "to", t.name, "alert", written.Alert.ID, "change", string(u.Event.Change))
			}
		}
	}
}

// targetsOf names those who are told of a change. An acknowledgement, and that it gets better, is for the room.
func (e *Engine) targetsOf(c Change) []string {
	names := []string{room}
	if c == Raised || c == Worse || c == Cleared {
		for _, n := range e.opts.Notifiers {
			names = append(names, n.Name())
		}
	}
	return names
}

// compareAll makes the difference between the verdicts that came and the alerts that there are.
func (e *Engine) compareAll(ctx context.Context) {
	for ctx.Err() == nil {
		v, ok := e.nextVerdict()
		if !ok {
			return
		}
		if err := e.compare(ctx, v); err != nil {
			e.mu.Lock()
			e.takeIn(v) // tried again with the next look at the store
			e.mu.Unlock()
			return
		}
	}
}

// nextVerdict takes one out of the inbox, if alerts can be changed now.
func (e *Engine) nextVerdict() (Verdict, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.usable() {
		return Verdict{}, false
	}
	for source, v := range e.inbox {
		delete(e.inbox, source)
		return v, true
	}
	return Verdict{}, false
}

// compare makes the difference of one verdict.
func (e *Engine) compare(ctx context.Context, v Verdict) error {
	beyond := make(map[string]bool, len(v.Beyond))
	left, refused := Most-e.raised(), 0
	for _, f := range v.Beyond {
		key := v.Source.key(f.Record)
		beyond[key] = true
		isNew := false
		err := e.update(ctx, key, func(old *entry) *entry {
			next := rise(old, v, f)
			if isNew = next != nil && !old.raised(); isNew && left <= 0 {
				return nil
			}
			return next
		})
		switch {
		case err != nil:
			return err
		case isNew && left <= 0:
			refused++
		case isNew:
			left--
		}
	}
	e.noteFull(left, refused)
	for key, old := range e.raisedOf(v.Source) {
		if beyond[key] {
			continue
		}
		if err := e.update(ctx, key, func(old *entry) *entry { return fall(old, v) }); err != nil {
			return fmt.Errorf("clear alert %s: %w", old.Alert.ID, err)
		}
	}
	return nil
}

// rise is what a finding makes of an alert.
func rise(old *entry, v Verdict, f Finding) *entry {
	switch {
	case old != nil && old.Version >= v.Version:
		return nil
	case old.raised() && old.Alert.State == f.State:
		return nil
	case old.raised():
		return old.become(v, f)
	}
	return raise(old, v, f)
}

// fall is what it means to an alert that nothing was found.
func fall(old *entry, v Verdict) *entry {
	if !old.raised() || old.Version >= v.Version {
		return nil
	}
	value, there := v.Value(old.Alert.Record, old.Alert.Field)
	reason := ""
	if !there && !isClipped(old.Alert.Record) {
		reason = ReasonGone
	}
	return old.clear(v.Version, value, reason, v.At)
}

// raised is how many alerts are.
func (e *Engine) raised() (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, old := range e.known {
		if old.raised() {
			n++
		}
	}
	return n
}

// noteFull notes whether alerts were not raised for want of room, until there is some again. The first time is logged.
func (e *Engine) noteFull(left, refused int) {
	e.mu.Lock()
	news := refused > 0 && !e.full
	e.full = refused > 0 || e.full && left <= 0
	e.mu.Unlock()
	if news {
		e.opts.Logger.Error("too many alerts: no more are raised until some are cleared", "most", Most, "not_raised", refused)
	}
}

// raisedOf returns the alerts of a source that are raised.
func (e *Engine) raisedOf(s Source) map[string]*entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := make(map[string]*entry)
	for key, old := range e.known {
		if old.raised() && old.source() == s {
			found[key] = old
		}
	}
	return found
}
