package cluster

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

const (
	// lookEvery is how often the ring is looked at: whether it is still the same, and whether all that it has came.
	lookEvery = 2 * time.Second
	// lookAgain is when a look is repeated that got no answer, and when the end of the ring is followed again after a failure.
	// The second failed look makes the node degraded.
	lookAgain = 300 * time.Millisecond
	// readMost is how many items are read at a time: the largest ones make 3 MB.
	readMost = 250
)

// ringState is what the reader of the ring knows. Positions count from 1, the ring's own sequence from 0.
type ringState struct {
	confirmed int64            // the last position that a look has seen in the ring
	marks     map[int64]uint64 // of the items from confirmed to last, to see whether the ring is still the same
	held      []heldItem       // those after last, in order, that may not be copied yet
	failures  int              // looks without an answer, in a row
	follower  *follower        // nil if there is none
}

// run looks at the ring, and has it followed, until ctx ends.
func (m *messages) run(ctx context.Context) {
	var following sync.WaitGroup
	defer following.Wait()
	defer func() {
		m.turn <- struct{}{}
		m.unfollow()
		<-m.turn
	}()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	soon := time.NewTimer(0)
	defer soon.Stop()
	for {
		looks := true
		select {
		case <-soon.C:
		case <-m.bell:
		case <-ticker.C:
		case <-m.free:
			looks = false
		case <-ctx.Done():
			return
		}
		m.turn <- struct{}{}
		switch {
		case !looks:
			m.release(false)
		case !m.look(ctx):
			soon.Reset(lookAgain)
		default:
			m.follow(ctx, &following)
			if len(m.held) > 0 {
				soon.Reset(heldFor)
			}
		}
		<-m.turn
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
	m.looks++
	number := m.looks
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
		m.checked, m.degraded, m.answered = started, false, number
	case errors.Is(err, errAlone), m.failures >= 2:
		m.degraded = true
		m.changes++ // the follower brings nothing to a node that is alone
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
	now, err := m.ringEpoch(ctx)
	switch {
	case err != nil:
		return err
	case m.marks == nil:
		return m.begin(ctx, now.epoch)
	case now.epoch != m.Epoch():
		return m.adopt(ctx, now)
	}
	end := int64(0) // of what was read
	var fresh []logItem
	for from := max(m.confirmed, 1); ; from = end + 1 {
		items, err := m.read(ctx, from)
		if err != nil {
			return err
		}
		if len(items) > 0 && items[0].seq > m.last+1 {
			return m.begin(ctx, now.epoch) // those between are lost
		}
		for _, it := range items {
			mark, known := m.marks[it.seq]
			if known && mark != it.mark {
				return m.renew(ctx, now)
			}
			if it.seq > m.last { // written in turn alone, so read without the lock
				fresh = append(fresh, it)
			}
			end = it.seq
		}
		if len(items) < int(m.readMax()) {
			break
		}
	}
	m.holdAgain(fresh)
	if end < m.last {
		return m.checkTail(ctx, now)
	}
	m.release(true)
	m.confirmed = min(end, m.last)
	m.prune()
	return nil
}

// prune forgets what has been confirmed.
func (m *messages) prune() {
	maps.DeleteFunc(m.marks, func(seq int64, _ uint64) bool { return seq < m.confirmed })
}

// checkTail judges a ring that does not hold what this node had last: it is too old to be kept, or the ring is another.
func (m *messages) checkTail(ctx context.Context, now birth) error {
	var tail int64
	err := m.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		tail, err = l.ring.TailSequence(ctx)
		return err
	})
	switch end := tail + 1; {
	case err != nil:
		return fmt.Errorf("look at the end of the log: %w", err)
	case end < m.last:
		return m.renew(ctx, now)
	case end > m.last:
		items, err := m.read(ctx, m.last+1)
		if err != nil {
			return err
		}
		if len(items) == 0 || items[0].seq > m.last+1 {
			return m.begin(ctx, now.epoch) // what came meanwhile is gone already
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
	err = m.h.do(ctx, func(ctx context.Context, l *link) (err error) {
		items, err = readRing(ctx, l.ring, from, 0, l.readMax)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the log from %d: %w", from, err)
	}
	return items, nil
}

// readRing waits for at least as many items from the given position on.
func readRing(ctx context.Context, r *hazelcast.Ringbuffer, from int64, least, most int32) ([]logItem, error) {
	set, err := r.ReadMany(ctx, from-1, least, most, nil)
	if err != nil {
		return nil, err
	}
	items := make([]logItem, 0, set.Size())
	for i := range set.Size() {
		seq, _ := set.GetSequence(i)
		value, _ := set.Get(i)
		items = append(items, ringItem(seq+1, value))
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
	it.mark = markOf(entry)
	return it
}

// markOf is the same on all nodes, and not 0.
func markOf(entry []byte) uint64 {
	hash := fnv.New64a()
	_, _ = hash.Write(entry)
	return max(1, hash.Sum64())
}
