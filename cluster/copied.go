package cluster

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
)

// The ring shows an item before it has its copy on another member, and a member that dies then takes it along: its place goes to
// another. So a node holds what it reads until it knows that it is copied. Copies are made in order: the answer to an Add
// says so of everything up to there, and who gets it tells the others.

const (
	// heldFor is when an item that is still there counts as copied though nobody has told so: its sender died.
	heldFor = time.Second
	// copiedMost is how far ahead of what came an item may be that is known to be copied; a look finds those beyond.
	copiedMost = 4096
)

// heldItem is an item of the ring that may not have its copy yet.
type heldItem struct {
	logItem

	since time.Time // when this node first saw it
}

// copies is what this node knows of copied items. It is guarded by messages.mu.
type copies struct {
	top    int64            // the seq of the last item that is held, or else the last delivered
	copied map[int64]uint64 // the marks of items that are, by seq, after the last delivered; 0: whichever it is
	newest int64            // the largest seq that was ever told
	own    place            // of the newest that was appended here
}

// place is where an item stands, and which one it is.
type place struct {
	seq  int64
	mark uint64
}

// hold keeps the item after the last one.
func (m *messages) hold(it logItem) {
	m.held = append(m.held, heldItem{it, time.Now()})
	m.toppedBy(it.seq)
}

// holdAgain makes what a look read the items that are held: the ring may have put others in their place.
func (m *messages) holdAgain(items []logItem) {
	now := time.Now()
	held := make([]heldItem, len(items))
	for i, it := range items {
		held[i] = heldItem{it, now}
		if i < len(m.held) && m.held[i].seq == it.seq && m.held[i].mark == it.mark {
			held[i].since = m.held[i].since
		}
	}
	m.held = held
	m.toppedBy(m.last + int64(len(held)))
}

func (m *messages) toppedBy(seq int64) {
	m.mu.Lock()
	m.top = seq
	m.mu.Unlock()
}

// release delivers what is held up to the last item that is copied. A look has just read them all, and what it saw before long
// ago counts as well; without one nothing is delivered while a look is due.
func (m *messages) release(looked bool) {
	m.mu.Lock()
	n := 0
	for i, it := range m.held {
		if !looked && m.checked != m.changes {
			break
		}
		mark, told := m.copied[it.seq]
		same := told && (mark == 0 || mark == it.mark)
		if told && !same && !looked { // the ring has put another in its place
			ring(m.bell)
			break
		}
		if same || looked && time.Since(it.since) >= heldFor {
			n = i + 1
		}
	}
	m.mu.Unlock()
	for _, it := range m.held[:n] {
		m.deliver(it.logItem)
	}
	m.held = slices.Delete(m.held, 0, n)
	m.mu.Lock()
	maps.DeleteFunc(m.copied, func(seq int64, _ uint64) bool { return seq <= m.last })
	m.mu.Unlock()
}

// note keeps that the item is copied. The caller holds mu.
func (m *messages) note(seq int64, mark uint64) {
	if seq > m.last && seq <= m.top+copiedMost {
		m.copied[seq] = mark
		ring(m.free)
	}
}

// copiedHere notes what the answer to an Add says, and has the others told.
func (m *messages) copiedHere(epoch string, seq int64, mark uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if epoch != m.epoch {
		return
	}
	m.note(seq, mark)
	if seq > m.newest {
		m.newest, m.own = seq, place{seq, mark}
		ring(m.told)
	}
}

// hearCopied takes what another node has been answered. It runs on the client's own goroutine and only hands over.
func (m *messages) hearCopied(e *hazelcast.MessagePublished) {
	p := parse(e.Value)
	epoch, seq, mark := p.str(), p.int(), p.int()
	m.mu.Lock()
	defer m.mu.Unlock()
	if p.err == nil && epoch == m.epoch {
		m.newest = max(m.newest, seq)
		m.note(seq, uint64(mark)) // #nosec G115 -- the same bits
	}
}

// tellCopied tells the others, the newest at a time, until ctx ends. Who misses it is late by a second.
func (m *messages) tellCopied(ctx context.Context) {
	for {
		select {
		case <-m.told:
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
		epoch, own, newest := m.epoch, m.own, m.newest
		m.mu.Unlock()
		if own.seq < newest { // another node was answered after, and tells of this one too
			continue
		}
		_ = m.h.do(ctx, func(ctx context.Context, l *link) error {
			said := newFrame().str(epoch).int(own.seq).int(int64(own.mark)) // #nosec G115 -- the same bits
			return l.copied.Publish(ctx, []byte(said))
		})
	}
}
