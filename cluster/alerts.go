package cluster

import (
	"bytes"
	"context"
	"fmt"

	"github.com/hazelcast/hazelcast-go-client/types"
)

// ErrAlone reports something that is there for all nodes together, asked by one that cannot reach the others.
var ErrAlone = errAlone

// board is what Local keeps of alerts.
type board struct{ values map[string][]byte }

// Alerts returns what was put there.
func (l *Local) Alerts(context.Context) (map[string][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make(map[string][]byte, len(l.board.values))
	for key, value := range l.board.values {
		all[key] = value
	}
	return all, nil
}

// SwapAlert replaces what is there.
func (l *Local) SwapAlert(_ context.Context, key string, old, next []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now, there := l.board.values[key]
	if there != (old != nil) || !bytes.Equal(now, old) {
		return now, nil
	}
	if next == nil {
		delete(l.board.values, key)
		return nil, nil
	}
	if l.board.values == nil {
		l.board.values = make(map[string][]byte)
	}
	l.board.values[key] = next
	return next, nil
}

// Alerts reads the map of all nodes.
func (h *Hazelcast) Alerts(ctx context.Context) (map[string][]byte, error) {
	if h.messages.isAlone() {
		return nil, ErrAlone
	}
	all := make(map[string][]byte)
	err := h.do(ctx, func(ctx context.Context, l *link) error {
		entries, err := l.bulkAlerts.GetEntrySet(ctx)
		addAlerts(all, entries)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the alerts: %w", err)
	}
	return all, nil
}

func addAlerts(all map[string][]byte, entries []types.Entry) {
	for _, kv := range entries {
		key, ok := kv.Key.(string)
		value, isBytes := kv.Value.([]byte)
		if ok && isBytes {
			all[key] = value
		}
	}
}

// SwapAlert changes the map of all nodes. After a call of unknown outcome it reads what is there.
func (h *Hazelcast) SwapAlert(ctx context.Context, key string, old, next []byte) (now []byte, err error) {
	if h.messages.isAlone() {
		return nil, ErrAlone
	}
	swapped := false
	first, cancel := firstHalf(ctx)
	defer cancel()
	err = h.do(first, func(ctx context.Context, l *link) (err error) {
		swapped, err = l.swapAlert(ctx, key, old, next)
		return err
	})
	if err == nil && swapped {
		return next, nil
	}
	err = h.do(ctx, func(ctx context.Context, l *link) error {
		value, err := l.alerts.Get(ctx, key)
		now, _ = value.([]byte)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("change alert %q: %w", key, err)
	}
	return now, nil
}

// swapAlert makes the one call that does it.
func (l *link) swapAlert(ctx context.Context, key string, old, next []byte) (bool, error) {
	switch {
	case old == nil && next == nil:
		return true, nil
	case old == nil:
		before, err := l.alerts.PutIfAbsent(ctx, key, next)
		return err == nil && before == nil, err
	case next == nil:
		return l.alerts.RemoveIfSame(ctx, key, old)
	}
	return l.alerts.ReplaceIfSame(ctx, key, old, next)
}
