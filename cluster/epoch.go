package cluster

import (
	"context"
	"fmt"
	"strings"
)

// epochKey is where the epoch of the ring stands in the map log.
const epochKey = "messages"

// birth is an epoch as it stands in the map: its name, and the last item that the node which gave it had of the log before.
type birth struct {
	value string // as it stands there
	epoch string
	seq   int64
	mark  uint64
}

func parseBirth(value string) birth {
	b := birth{value: value}
	epoch, rest, _ := strings.Cut(value, "/")
	b.epoch = epoch
	_, _ = fmt.Sscanf(rest, "%d/%x", &b.seq, &b.mark) // one that no node wrote says nothing of a log before
	return b
}

// newBirth is what this node would call the ring. Only run calls it, which alone writes last.
func (m *messages) newBirth() birth {
	return parseBirth(fmt.Sprintf("%s/%d/%x", NewEpoch(), m.last, m.marks[m.last]))
}

// renew gives the ring another epoch: it is not the one that this node has delivered from.
func (m *messages) renew(ctx context.Context, old birth) error {
	next, replaced := m.newBirth(), false
	err := m.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		replaced, err = l.log.ReplaceIfSame(ctx, epochKey, old.value, next.value)
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the epoch: %w", err)
	}
	if replaced {
		m.h.opts.Logger.Warn("the log is another one than was delivered: every client is told", "node", m.h.node, "epoch", next.epoch)
		return m.begin(ctx, next.epoch)
	}
	if next, err = m.ringEpoch(ctx); err != nil { // that of whoever was first
		return err
	}
	return m.adopt(ctx, next)
}

// adopt takes a log with another epoch as this node's. In a split this node may have taken messages after those on the other
// side were told that some may be missing. If the log lacks them, and whoever named it did not have them, it gets one more
// name, so that everybody is told once more.
func (m *messages) adopt(ctx context.Context, now birth) error {
	mark, known := m.marks[m.last]
	if known && (now.seq != m.last || now.mark != mark) {
		items, err := m.read(ctx, m.last)
		if err != nil {
			return err
		}
		if len(items) == 0 || items[0].seq != m.last || items[0].mark != mark {
			return m.renew(ctx, now)
		}
	}
	return m.begin(ctx, now.epoch)
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
	m.confirmed, m.marks, m.held = last, marks, nil
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch, m.last = epoch, last
	m.copies = copies{top: last, copied: make(map[int64]uint64)}
	m.show()
	m.h.handler.Restart(epoch, after, kept) // under the lock, like Deliver
	for _, it := range kept {
		m.arrived(it.Key, it.Position)
	}
	return nil
}

// ringEpoch returns the epoch of the ring, and gives it one if it has none.
func (m *messages) ringEpoch(ctx context.Context) (birth, error) {
	var now birth
	err := m.h.do(ctx, func(ctx context.Context, l *link) error {
		value, err := l.log.Get(ctx, epochKey)
		if err == nil && value == nil {
			now = m.newBirth()
			value, err = l.log.PutIfAbsent(ctx, epochKey, now.value)
		}
		if s, ok := value.(string); ok {
			now = parseBirth(s)
		}
		return err
	})
	if err != nil {
		return birth{}, fmt.Errorf("read the epoch: %w", err)
	}
	return now, nil
}
