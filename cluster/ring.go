package cluster

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"strconv"
	"time"
)

const (
	// lookEvery is how often the ring is looked at: for what the topic lost, and whether it is still the same.
	lookEvery = 2 * time.Second
	// gapWait is how long a message may be later than the one after it before it is looked for.
	gapWait = 50 * time.Millisecond
	// lookAgain is when a look is repeated that got no answer. The second failure makes the node degraded.
	lookAgain = 300 * time.Millisecond
	// readMost is how many items are read at a time: the largest ones make 3 MB.
	readMost = 250
	// earlyMost is how many messages may wait for one before them.
	earlyMost = 1000
)

var markSeed = maphash.MakeSeed()

// ringState is what the reader of the ring knows. Positions count from 1, the ring's own sequence from 0.
type ringState struct {
	confirmed int64             // the last position seen in the ring itself
	marks     map[int64]uint64  // of the items from confirmed to last, to see whether the ring is still the same
	early     map[int64]logItem // from the topic, before their turn
	failures  int               // looks without an answer, in a row
}

// run follows the topic and looks at the ring until ctx ends.
func (m *messages) run(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	soon := time.NewTimer(0)
	defer soon.Stop()
	for {
		select {
		case it := <-m.inbox:
			if before := len(m.early); m.follow(it) && before == 0 {
				soon.Reset(gapWait)
			}
			continue
		case <-soon.C:
			if m.failures == 0 && len(m.early) == 0 {
				continue // the gap has closed by itself
			}
		case <-m.bell:
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
		if !m.look(ctx) {
			soon.Reset(lookAgain)
		}
	}
}

// follow takes an item of the topic and reports whether items wait for one that did not come yet.
func (m *messages) follow(it logItem) (gap bool) {
	m.mu.Lock()
	trusted, epoch, last := m.checked == m.changes, m.epoch, m.last
	m.mu.Unlock()
	switch mark, known := m.marks[it.seq]; {
	case !trusted:
		return false // the look that is under way brings it
	case it.epoch != epoch, known && mark != it.mark:
		ring(m.bell)
		return false
	case it.seq <= last:
		return false
	case len(m.early) >= earlyMost:
		clear(m.early)
		ring(m.bell)
		return false
	}
	m.early[it.seq] = it
	for {
		last++
		next, here := m.early[last]
		if !here {
			return len(m.early) > 0
		}
		delete(m.early, last)
		m.deliver(next)
	}
}

// deliver hands over the item after last.
func (m *messages) deliver(it logItem) {
	m.marks[it.seq] = it.mark
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = it.seq
	p := Position{Epoch: m.epoch, Seq: it.seq}
	m.h.handler.Deliver(Item{Position: p, Key: it.key, Data: it.data}) // under the lock, like those delivered alone
	m.arrived(it.key, p)
}

// look makes this node's log what the ring holds, and the node degraded when that cannot be done.
func (m *messages) look(ctx context.Context) bool {
	m.mu.Lock()
	started, done := m.changes, m.nextLook
	m.nextLook = make(chan struct{})
	m.mu.Unlock()
	err := m.readOn(ctx)
	if err == nil {
		m.failures = 0
	} else {
		m.failures++
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	close(done)
	before := m.degraded
	switch {
	case err == nil:
		m.checked, m.degraded = started, false
	case errors.Is(err, errAlone), m.failures >= 2:
		m.degraded = true
		m.changes++ // the topic brings nothing to a node that is alone
	}
	for key, at := range m.doubtful {
		if len(m.waiting[key]) == 0 && time.Since(at) > doubtFor {
			delete(m.doubtful, key)
		}
	}
	if m.degraded != before {
		m.since = time.Now()
		m.show()
		if m.degraded {
			m.h.opts.Logger.Warn("degraded: this node goes on alone", "node", m.h.node, "err", err)
		} else {
			m.h.opts.Logger.Info("joined the cluster", "node", m.h.node, "epoch", m.epoch, "seq", m.last)
		}
		m.h.change()
	}
	return err == nil
}

// readOn compares what this node has with the ring since the last confirmed position and takes what is newer.
func (m *messages) readOn(ctx context.Context) error {
	epoch, err := m.ringEpoch(ctx)
	if err != nil {
		return err
	}
	if m.marks == nil || epoch != m.Epoch() {
		return m.begin(ctx, epoch)
	}
	end := int64(0) // of what was read
	for from := max(m.confirmed, 1); ; from = end + 1 {
		items, err := m.read(ctx, from)
		if err != nil {
			return err
		}
		if len(items) > 0 && items[0].seq > m.last+1 {
			return m.begin(ctx, epoch) // those between are lost
		}
		for _, it := range items {
			mark, known := m.marks[it.seq]
			if known && mark != it.mark {
				return m.renew(ctx, epoch)
			}
			if it.seq > m.last { // written by this goroutine alone, so read without the lock
				m.deliver(it)
			}
			m.confirmed, end = it.seq, it.seq
		}
		if len(items) < int(m.readMax()) {
			break
		}
	}
	if end != m.last {
		return m.checkTail(ctx, epoch)
	}
	m.prune()
	return nil
}

// prune forgets what has been confirmed.
func (m *messages) prune() {
	maps.DeleteFunc(m.marks, func(seq int64, _ uint64) bool { return seq < m.confirmed })
	maps.DeleteFunc(m.early, func(seq int64, _ logItem) bool { return seq <= m.last })
}

// checkTail judges a ring that does not hold what this node had last: it is too old to be kept, or the ring is another.
func (m *messages) checkTail(ctx context.Context, epoch string) error {
	var tail int64
	err := m.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		tail, err = l.ring.TailSequence(ctx)
		return err
	})
	switch end := tail + 1; {
	case err != nil:
		return fmt.Errorf("look at the end of the log: %w", err)
	case end < m.last:
		return m.renew(ctx, epoch)
	case end > m.last:
		items, err := m.read(ctx, m.last+1)
		if err != nil {
			return err
		}
		if len(items) == 0 || items[0].seq > m.last+1 {
			return m.begin(ctx, epoch) // what came meanwhile is gone already
		}
		ring(m.bell) // it came between two questions
		return nil
	}
	m.confirmed = m.last
	m.prune()
	return nil
}

// readMax is how many items one read asks for.
func (m *messages) readMax() int32 {
	if l := m.h.link.Load(); l != nil {
		return l.readMax
	}
	return readMost
}

// read returns the items from the given position on, or from the first that is kept; none at the end.
func (m *messages) read(ctx context.Context, from int64) (items []logItem, err error) {
	err = m.h.do(ctx, func(ctx context.Context, l *link) error {
		set, err := l.ring.ReadMany(ctx, from-1, 0, l.readMax, nil)
		if err != nil {
			return err
		}
		for i := range set.Size() {
			seq, _ := set.GetSequence(i)
			value, _ := set.Get(i)
			items = append(items, ringItem(seq+1, value))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the log from %d: %w", from, err)
	}
	return items, nil
}

// ringItem reads an entry of the ring. One that no node wrote keeps its place and carries nothing.
func ringItem(seq int64, value any) logItem {
	p := parse(value)
	it := logItem{seq: seq, key: p.str(), data: p.bytes()}
	if p.err != nil {
		return logItem{seq: seq, key: "malformed-" + strconv.FormatInt(seq, 10), mark: 1}
	}
	entry, _ := value.([]byte)
	it.mark = maphash.Bytes(markSeed, entry)
	return it
}
