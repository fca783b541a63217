package cluster

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

const (
	// appendFor is how long Append tries.
	appendFor = 5 * time.Second
	// askAgain is when the ring is looked at for a message that is there and did not come.
	askAgain = 100 * time.Millisecond
	// doubtFor is how long a message of unknown outcome is remembered: longer than any request is under way.
	doubtFor = 2 * time.Minute
	// reachFor is how long Reached may take: a node without an answer is alone before.
	reachFor = 8 * callTimeout
)

// logItem is a message with its place in the cluster's log.
type logItem struct {
	seq  int64
	key  string
	data []byte
	mark uint64 // tells whether two items are the same
}

// messages is this node's copy of the cluster's log of messages: it appends to the ring, follows its end, and looks again
// and again whether it is still the same.
type messages struct {
	h    *Hazelcast
	life string
	bell chan struct{} // size 1: look at the ring now
	turn chan struct{} // size 1: who has put something in may use ringState, and takes it out again
	free chan struct{} // size 1: there is something to release
	told chan struct{} // size 1: the others are to be told what is copied

	seen atomic.Pointer[view] // for those who may be waited for under mu: the handler and whoever holds its locks

	mu       sync.Mutex
	view                                // guarded by mu, like all below
	last     int64                      // the seq delivered last
	alone    int64                      // messages delivered alone
	changes  uint64                     // of the connection: what was known of the log is to be checked
	checked  uint64                     // the changes at the last good look
	looks    uint64                     // begun
	answered uint64                     // the number of the last good one
	nextLook chan struct{}              // closed at the end of the look that begins next
	waiting  map[string][]chan Position // by key: who wants to know where it came
	doubtful map[string]time.Time       // by key: appends of unknown outcome
	copies
	ringState // used by who has the turn: run or the follower
}

// view is what the others may know of the log at any time.
type view struct {
	epoch    string
	degraded bool // the log can be neither read nor written
	since    time.Time
}

func newMessages(h *Hazelcast) *messages {
	m := &messages{
		h: h, life: strings.ToLower(h.incarnation[strings.LastIndexByte(h.incarnation, '#')+1:]),
		bell: make(chan struct{}, 1), turn: make(chan struct{}, 1), free: make(chan struct{}, 1), told: make(chan struct{}, 1),
		view: view{epoch: NewEpoch(), degraded: true, since: time.Now()}, changes: 1, nextLook: make(chan struct{}),
		waiting: make(map[string][]chan Position), doubtful: make(map[string]time.Time), copies: copies{copied: make(map[int64]uint64)},
	}
	m.show()
	return m
}

// show makes the view what it is now. The caller holds mu.
func (m *messages) show() {
	now := m.view
	m.seen.Store(&now)
}

// State says whether the node takes part in the log.
func (m *messages) State() State {
	v := m.seen.Load()
	return State{Degraded: v.degraded, Since: v.since, RoundTrip: time.Duration(m.h.roundTrip.Load())}
}

func (m *messages) isAlone() bool { return m.seen.Load().degraded }

// Epoch names the log that this node knows.
func (m *messages) Epoch() string { return m.seen.Load().epoch }

// Append places the message in the ring and waits for it to come back through this node's log. A node that is alone
// delivers it to its own clients.
func (m *messages) Append(ctx context.Context, key string, data []byte) (Position, error) {
	if len(key)+len(data) > MaxMessage {
		return Position{}, ErrTooLarge
	}
	if p, alone, err := m.appendAlone(key, data); alone {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, appendFor)
	defer cancel()
	came := m.await(key)
	defer m.forget(key, came)
	for sent := false; ; {
		if !sent {
			sent = m.add(ctx, key, data) == nil
		}
		again := time.NewTimer(askAgain)
		select {
		case p := <-came:
			again.Stop()
			return p, nil
		case <-again.C:
			ring(m.bell)
		case <-ctx.Done():
			again.Stop()
			return Position{}, errors.Join(ErrUnknown, ctx.Err())
		}
		if sent {
			continue
		}
		if p, alone, err := m.appendAlone(key, data); alone {
			return p, err
		}
	}
}

// appendAlone delivers the message if the node is alone. What may be in the ring must not be delivered alone as well.
func (m *messages) appendAlone(key string, data []byte) (p Position, alone bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.degraded {
		return Position{}, false, nil
	}
	if _, doubt := m.doubtful[key]; doubt {
		return Position{}, true, ErrUnknown
	}
	m.alone++
	p = Position{Epoch: m.epoch, Seq: m.last, Life: m.life, N: m.alone}
	m.h.handler.Deliver(Item{Position: p, Key: key, Data: data}) // under the lock: that is the order; Deliver does not block
	return p, true, nil
}

// add puts the message into the ring and returns when it is safe there. After an error nobody knows whether it is.
func (m *messages) add(ctx context.Context, key string, data []byte) error {
	if m.h.link.Load() == nil {
		return errAlone // no doubt about that: nobody has it
	}
	epoch, last := m.doubt(key)
	var seq int64
	entry := append([]byte(newFrame().str(key)), data...)
	err := m.h.do(ctx, func(ctx context.Context, l *link) error {
		at, err := l.ring.Add(ctx, entry, hazelcast.OverflowPolicyOverwrite)
		seq = at + 1
		return err
	})
	if err != nil {
		m.doubt(key)
		m.distrust() // it may have got there, and the next answer tells whether anybody does
		return err
	}
	if seq <= last {
		ring(m.bell) // this is not the log that this node knows
	}
	m.copiedHere(epoch, seq, markOf(entry))
	return nil
}

// doubt notes that nobody knows whether the message is in the ring, and returns the last that this node took from there.
func (m *messages) doubt(key string) (epoch string, last int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.doubtful[key] = time.Now()
	return m.epoch, m.last
}

// await returns a channel that gets the position of the next item with the key.
func (m *messages) await(key string) chan Position {
	came := make(chan Position, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting[key] = append(m.waiting[key], came)
	return came
}

func (m *messages) forget(key string, came chan Position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, c := range m.waiting[key] {
		if c == came {
			m.waiting[key] = append(m.waiting[key][:i:i], m.waiting[key][i+1:]...)
		}
	}
	if len(m.waiting[key]) == 0 {
		delete(m.waiting, key)
	}
}

// arrived tells those who wait for the key. The caller holds mu.
func (m *messages) arrived(key string, p Position) {
	delete(m.doubtful, key)
	for _, came := range m.waiting[key] {
		came <- p // of size 1 and used once
	}
	delete(m.waiting, key)
}

// Reached says no only after a look that got an answer, or when the node is alone.
func (m *messages) Reached(ctx context.Context, epoch string, seq int64) bool {
	ctx, cancel := context.WithTimeout(ctx, reachFor)
	defer cancel()
	for first := uint64(0); ; {
		m.mu.Lock()
		if first == 0 {
			first = m.looks + 1 // one that is under way may have read before the item was there
		}
		reached := epoch == m.epoch && seq <= m.last
		if epoch == m.epoch && seq <= m.top {
			m.note(seq, 0) // another node has delivered it
		}
		final := reached || m.degraded || m.answered >= first && (epoch != m.epoch || seq > m.top)
		look := m.nextLook
		m.mu.Unlock()
		if final {
			return reached
		}
		ring(m.bell)
		select {
		case <-look:
		case <-ctx.Done():
			return false
		}
	}
}

// distrust asks for a look before anything is taken from the follower again.
func (m *messages) distrust() {
	m.mu.Lock()
	m.changes++
	m.mu.Unlock()
	ring(m.bell)
}
