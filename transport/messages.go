package transport

import (
	"context"
	"slices"
	"time"
)

// lookUpFor bounds the question whether the cluster holds a position that this node has not reached: long enough for a node to find out
// that it is alone, as a reset for want of an answer would have messages come twice.
const lookUpFor = 8 * time.Second

// Append puts the item at the end of the log and wakes those it is for. Positions must rise. A key that stands in the log
// already moves the position and is delivered to nobody; one that stands there as a message of this node alone, to those who did not
// get that one. An item of another epoch begins the log anew.
func (h *Hub) Append(item Item) {
	e := newEntry(item, time.Now())
	h.mu.Lock()
	defer h.mu.Unlock()
	if item.Epoch != h.log.epoch {
		after := item.Seq
		if !item.Alone() {
			after--
		}
		h.restart(item.Epoch, after)
	}
	h.push(e)
}

// mostUnmarked is how many messages the shards may be behind.
const mostUnmarked = 64

// push puts an entry at the end of the log and rings the shards, which tell those it is for. The hub is locked.
func (h *Hub) push(added entry) {
	// What the log forgets, all know of: who is asked for it is told that it was lost.
	most := min(mostUnmarked, len(h.log.ring)/2)
	h.unmarked += added.size()
	if h.unmarked >= h.log.most/2 || slices.ContainsFunc(h.shards, func(sh *shard) bool { return h.log.head-sh.marked >= int64(most) }) {
		h.settle()
		h.unmarked = added.size()
	}
	if e := h.log.push(added); e == nil || e.message == nil {
		return
	}
	for _, sh := range h.shards {
		sh.ring()
	}
}

// Restart says that the log is another one from now on, or that items of this one were lost: only positions of the epoch from after
// on mean anything. The items that follow after are kept, in order. Sessions at such a position go on; all others get a reset,
// and go on from now.
func (h *Hub) Restart(epoch string, after int64, kept []Item) {
	now := time.Now()
	entries := make([]entry, len(kept))
	for i, item := range kept {
		entries[i] = newEntry(item, earlier(now, item.Message.At)) // it is as old as it says, whatever this node's age
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	goesOn := h.restart(epoch, after)
	for _, added := range entries {
		if goesOn {
			h.push(added)
		} else {
			h.log.push(added)
		}
	}
	if !goesOn { // nobody gets these: all go on after them
		for _, sh := range h.shards {
			sh.marked = h.log.head
		}
	}
}

// restart makes the log another one and reports whether sessions may go on in it. The hub is locked.
func (h *Hub) restart(epoch string, after int64) (goesOn bool) {
	h.settle()
	goesOn = h.log.restart(epoch, after)
	for _, sh := range h.shards {
		sh.marked = h.log.head
		sh.mu.Lock()
		for _, s := range sh.sessions {
			if s.next <= h.log.begin {
				s.next = 0
			}
			sh.note(s)
		}
		sh.mu.Unlock()
		sh.ring()
	}
	return goesOn
}

// First returns where the first kept message with the key stands. One of the cluster goes before one of this node alone.
func (h *Hub) First(key string) (at Position, ok bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	index, ok := h.log.keys[key]
	if !ok {
		return Position{}, false
	}
	return h.log.place(index), true
}

// Messages returns at most limit kept messages for to after a cursor or id, oldest first, and the id to go on from. An empty after, or
// earliest, starts at the oldest. So does one after which messages may be missing, and reset says why; before that, it is looked up in the
// cluster.
func (h *Hub) Messages(ctx context.Context, to Reader, after string, limit int) (list []*Message, next, reset string) {
	var cursor position
	known := after != "" && after != earliest
	if known {
		var err error
		if cursor, err = parseCursor(after); err != nil {
			known, reset = false, unreadable
		}
	}
	if known {
		h.lookUp(ctx, cursor.Position)
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	at, skip := h.log.oldest()
	if known {
		var index, alone int64
		if index, alone, reset = h.log.seek(cursor.Position); reset == "" {
			at, skip = position{Position: cursor.Position, index: index}, alone
		}
	}
	h.log.after(at.index, func(e *entry) bool {
		if !e.isFor(to, skip) {
			at.pass(e.index, e.shared())
			return true
		}
		if len(list) == limit {
			return false
		}
		list = append(list, e.message)
		at.pass(e.index, e.Position)
		return true
	})
	return list, at.ID(), reset
}

// lookUp asks the cluster for a position that this node has not reached, so that it may reach it. What the log says afterwards counts.
func (h *Hub) lookUp(ctx context.Context, p Position) {
	if h.opts.Reached == nil || p.Alone() {
		return
	}
	h.mu.RLock()
	_, _, lost := h.log.seek(p)
	h.mu.RUnlock()
	if lost != anew && lost != ahead {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpFor)
	defer cancel()
	h.opts.Reached(ctx, p.Epoch, p.Seq)
}

// admit opens a session after its position has been looked up.
func (h *Hub) admit(ctx context.Context, o Opening, kind Kind) (*Session, error) {
	if at, wrong := o.from(); wrong == "" && at.Epoch != "" {
		h.lookUp(ctx, at.Position)
	}
	s, err := h.open(o, kind)
	if err == nil && o.Presence {
		h.refresh()
	}
	return s, err
}
