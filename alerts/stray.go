package alerts

import (
	"context"
	"slices"
	"time"
)

// dropStray gives up what is for a notifier that this process does not have, after as long as it would be tried for one that it
// has: of a notifier that was taken out of the configuration nobody tells, and the alert would wait for it for ever.
func (e *Engine) dropStray(ctx context.Context) {
	for key, ours := range e.snapshot() {
		for _, u := range ours.Untold {
			if u.Teller != e.opts.Self || time.Since(u.Event.Time) < giveUpAfter {
				continue
			}
			for _, name := range u.To {
				if !e.has(name) && !e.drop(ctx, key, u.Event, name) {
					return
				}
			}
		}
	}
}

func (e *Engine) has(name string) bool {
	return slices.ContainsFunc(e.targets, func(t *target) bool { return t.name == name })
}

// drop notes that a target is told of an event no more. False: that cannot be noted now.
func (e *Engine) drop(ctx context.Context, key string, event Event, name string) bool {
	err := e.update(ctx, key, func(old *entry) *entry {
		if old == nil {
			return nil
		}
		return old.told(event.ID, name)
	})
	if err != nil {
		return false
	}
	e.opts.Logger.Error("alert not told: there is no such notifier any more", "to", name, "alert", event.Alert.ID, "change", string(event.Change))
	return true
}
