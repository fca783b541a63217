package alerts

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"sync"
)

// ErrAlone reports a store that this node cannot reach, as it is cut off from the others.
var ErrAlone = errors.New("alerts: this node is alone")

// Store holds the alerts of all nodes. Calls end with their context.
type Store interface {
	// All returns everything that there is, by key.
	All(ctx context.Context) (map[string][]byte, error)
	// Swap puts next in the place of old, if that is what is there, and returns what is there then. nil is nothing.
	Swap(ctx context.Context, key string, old, next []byte) (now []byte, err error)
}

// Memory is a Store of one process. The zero value is empty.
type Memory struct {
	mu     sync.Mutex
	values map[string][]byte // guarded by mu
}

// All returns everything that there is.
func (m *Memory) All(context.Context) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.values), nil
}

// Swap puts next in the place of old.
func (m *Memory) Swap(_ context.Context, key string, old, next []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, there := m.values[key]
	if there != (old != nil) || !bytes.Equal(now, old) {
		return now, nil
	}
	if next == nil {
		delete(m.values, key)
		return nil, nil
	}
	if m.values == nil {
		m.values = make(map[string][]byte)
	}
	m.values[key] = next
	return next, nil
}
