package cluster

import (
	"context"
	"fmt"
)

// epochKey is where the epoch of the ring stands in the map log.
const epochKey = "messages"

// renew gives the ring another epoch: it is not the one that this node has delivered from.
func (m *messages) renew(ctx context.Context, old string) error {
	epoch := NewEpoch()
	err := m.h.do(ctx, func(ctx context.Context, l *link) error {
		_, err := l.log.ReplaceIfSame(ctx, epochKey, old, epoch)
		return err
	})
	if err == nil {
		epoch, err = m.ringEpoch(ctx) // that of whoever was first
	}
	if err != nil {
		return fmt.Errorf("renew the epoch: %w", err)
	}
	return m.begin(ctx, epoch)
}

// begin takes the whole ring as this node's log.
func (m *messages) begin(ctx context.Context, epoch string) error {
	var head int64
	err := m.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		head, err = l.ring.HeadSequence(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("look at the beginning of the log: %w", err)
	}
	after, last := head, head // the position before the first item is its sequence
	var kept []Item
	marks := make(map[int64]uint64)
	for {
		items, err := m.read(ctx, last+1)
		if err != nil {
			return err
		}
		if len(items) > 0 && items[0].seq > last+1 { // overwritten while we read
			kept, after = nil, items[0].seq-1
		}
		for _, it := range items {
			last = it.seq
			kept = append(kept, Item{Position: Position{Epoch: epoch, Seq: last}, Key: it.key, Data: it.data})
			clear(marks)
			marks[last] = it.mark
		}
		if len(items) < int(m.readMax()) {
			break
		}
	}
	m.confirmed, m.marks = last, marks
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.last = epoch, last
	m.show()
	m.h.handler.Restart(epoch, after, kept) // under the lock, like Deliver
	for _, it := range kept {
		m.arrived(it.Key, it.Position)
	}
	return nil
}

// ringEpoch returns the epoch of the ring, and gives it one if it has none.
func (m *messages) ringEpoch(ctx context.Context) (string, error) {
	var epoch string
	err := m.h.do(ctx, func(ctx context.Context, l *link) error {
		value, err := l.log.Get(ctx, epochKey)
		if err == nil && value == nil {
			epoch = NewEpoch()
			value, err = l.log.PutIfAbsent(ctx, epochKey, epoch)
		}
		if s, ok := value.(string); ok {
			epoch = s
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the epoch: %w", err)
	}
	return epoch, nil
}
