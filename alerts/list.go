package alerts

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

var (
	// ErrUnknown reports an alert that is not there, or no longer.
	ErrUnknown = errors.New("there is no such alert")
	// ErrCleared reports an alert that was cleared before it was acknowledged.
	ErrCleared = errors.New("the alert is cleared")
	// ErrAcknowledged reports an alert that somebody has acknowledged already.
	ErrAcknowledged = errors.New("the alert is acknowledged already")
)

// Alerts returns what is raised, the worst first, and then the MostCleared that were cleared last, the newest first. full: there were
// more than Most.
func (e *Engine) Alerts() (list []Alert, full bool) {
	e.mu.Lock()
	for _, ours := range e.known {
		list = append(list, ours.Alert)
	}
	full = e.full
	e.mu.Unlock()
	slices.SortFunc(list, func(a, b Alert) int {
		return cmp.Or(
			compareBool(b.Cleared.IsZero(), a.Cleared.IsZero()),
			b.Cleared.Compare(a.Cleared),
			compareBool(b.State == Crit, a.State == Crit),
			b.Raised.Compare(a.Raised),
			cmp.Compare(a.Feed, b.Feed),
			cmp.Compare(a.Record, b.Record),
			cmp.Compare(a.ID, b.ID),
		)
	})
	if raised := slices.IndexFunc(list, func(a Alert) bool { return !a.Cleared.IsZero() }); raised >= 0 {
		list = list[:min(len(list), raised+MostCleared)] // the store may have more for a minute
	}
	return list, full
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Acknowledge notes on an alert who knows of it. Errors: ErrUnknown, ErrCleared, ErrAcknowledged; any other one means that the store
// did not answer, and to try again.
func (e *Engine) Acknowledge(ctx context.Context, id, by, note string) (Alert, error) {
	key := e.keyOf(id)
	var result Alert
	var refusal error
	err := e.update(ctx, key, func(old *entry) *entry {
		refusal = nil
		switch {
		case old == nil || old.Alert.ID != id:
			refusal = ErrUnknown
		case !old.raised():
			refusal = ErrCleared
		case old.Alert.Ack != nil:
			refusal = ErrAcknowledged
		default:
			next := old.acknowledge(Ack{By: by, Note: note, At: stamp(time.Now())})
			result = next.Alert
			return next
		}
		return nil
	})
	return result, cmp.Or(refusal, err)
}

// keyOf returns under which key an alert is; empty: it is not there.
func (e *Engine) keyOf(id string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, ours := range e.known {
		if ours.Alert.ID == id {
			return key
		}
	}
	return ""
}

// Told returns what became of the attempts to tell the room, and each notifier, by name.
func (e *Engine) Told() map[string]Told {
	all := make(map[string]Told, len(e.targets))
	for _, t := range e.targets {
		all[t.name] = Told{Done: t.done.Load(), Failed: t.fails.Load(), GivenUp: t.lost.Load()}
	}
	return all
}
