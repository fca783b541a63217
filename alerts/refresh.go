package alerts

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"
)

// refresh makes this node's alerts and those of the store the same, and does what nobody else may be there to do.
func (e *Engine) refresh(ctx context.Context) {
	call, cancel := context.WithTimeout(ctx, callFor)
	defer cancel()
	began := e.snapshot()
	all, err := e.store.All(call)
	if err != nil {
		if ctx.Err() == nil {
			e.missed(err)
		}
		return
	}
	for key, raw := range all {
		if bytes.Equal(began[key].bytes(), raw) && !began[key].dirty {
			continue
		}
		theirs, err := decode(raw)
		if err != nil {
			continue // another version of this program wrote it
		}
		if ours := e.take(key, theirs, began[key]); ours != nil && !e.bring(ctx, key, theirs, ours) {
			return
		}
	}
	for key, ours := range began {
		if _, there := all[key]; there {
			continue
		}
		if ours.stays() {
			if !e.bring(ctx, key, nil, ours) {
				return
			}
			continue
		}
		e.forget(key, ours)
	}
	e.found()
	e.takeOver(ctx)
	e.dropStray(ctx)
	e.clearUnwatched(ctx)
	e.sweep(ctx)
}

// snapshot returns what is known now.
func (e *Engine) snapshot() map[string]*entry {
	e.mu.Lock()
	defer e.mu.Unlock()
	known := make(map[string]*entry, len(e.known))
	for key, ours := range e.known {
		known[key] = ours
	}
	return known
}

// take takes over what the store has, unless this node has gone further, while it was alone or as the store has lost what it had
// before it was read: that it returns.
func (e *Engine) take(key string, theirs, before *entry) (ours *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	ours = e.known[key]
	switch {
	case ours == nil || ours.compare(theirs) < 0:
		e.known[key] = theirs
		return nil
	case ours.dirty && ours.compare(theirs) == 0:
		e.known[key] = theirs
		return nil
	case ours.dirty || ours == before && ours.compare(theirs) > 0:
		return ours
	}
	return nil // written here since the store was read
}

// bring puts into the store what only this node has. False: the store does not answer.
func (e *Engine) bring(ctx context.Context, key string, theirs, ours *entry) bool {
	now, err := e.swap(ctx, key, theirs.bytes(), ours.raw)
	if err != nil {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known[key] != ours || now == nil {
		return true // there is a newer one, which comes with the next look
	}
	if is, err := decode(now); err == nil && (bytes.Equal(now, ours.raw) || ours.compare(is) <= 0) {
		e.known[key] = is
	}
	return true
}

// forget leaves out an alert that is no longer in the store.
func (e *Engine) forget(key string, ours *entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.known[key] == ours {
		delete(e.known, key)
	}
}

// takeOver has this node tell what is untold of processes that are gone.
func (e *Engine) takeOver(ctx context.Context) {
	for key, ours := range e.snapshot() {
		if !slices.ContainsFunc(ours.Untold, e.isOrphan) {
			continue
		}
		if err := e.update(ctx, key, e.adopt); err != nil {
			return
		}
	}
}

// isOrphan says whether the process that was to tell an event is gone.
func (e *Engine) isOrphan(u untold) bool { return u.Teller != e.opts.Self && !e.opts.Lives(u.Teller) }

// adopt makes this node the teller of what nobody else tells.
func (e *Engine) adopt(old *entry) *entry {
	if old == nil || !slices.ContainsFunc(old.Untold, e.isOrphan) {
		return nil
	}
	next := *old
	next.Untold = slices.Clone(old.Untold)
	for i, u := range next.Untold {
		if e.isOrphan(u) {
			next.Untold[i].Teller = e.opts.Self
		}
	}
	return &next
}

// clearUnwatched clears what nobody has judged for a while: a feed that is configured no more, a node that is gone.
func (e *Engine) clearUnwatched(ctx context.Context) {
	now := time.Now()
	since := make(map[string]time.Time)
	for key, ours := range e.snapshot() {
		if !ours.raised() || e.opts.Judged(ours.source()) {
			continue
		}
		since[key] = now
		if before, ok := e.unwatched[key]; ok {
			since[key] = before
		}
		if now.Sub(since[key]) < unwatchedFor {
			continue
		}
		_ = e.update(ctx, key, func(old *entry) *entry { // else with the next look
			if !old.raised() || old.Alert.ID != ours.Alert.ID {
				return nil
			}
			return old.clear(old.Version, nil, ReasonUnwatched, now)
		})
	}
	e.unwatched = since
}

// sweep takes cleared alerts out of the store that were kept for long enough. A node that has not seen yet that one is cleared would
// take it for lost, and bring it back.
func (e *Engine) sweep(ctx context.Context) {
	now, cleared := time.Now(), []string(nil)
	known := e.snapshot()
	for key, ours := range known {
		if !ours.raised() && len(ours.Untold) == 0 {
			cleared = append(cleared, key)
		}
	}
	slices.SortFunc(cleared, func(a, b string) int {
		return cmp.Or(known[b].Alert.Cleared.Compare(known[a].Alert.Cleared), cmp.Compare(a, b))
	})
	for i, key := range cleared {
		ours := known[key]
		age := now.Sub(ours.Alert.Cleared)
		if age < seenWithin || i < MostCleared && age < KeepCleared {
			continue
		}
		if left, err := e.swap(ctx, key, ours.raw, nil); err != nil || left != nil {
			return
		}
		e.forget(key, ours)
	}
}
