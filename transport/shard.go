package transport

import (
	"context"
	"sync"
	"time"
)

// shard is a part of the hub's sessions, and the goroutine that tells them of what is new: it writes to those whose stream is idle, and
// wakes those who wait in Next. Who publishes only rings its bell.
type shard struct {
	hub   *Hub
	index int
	bell  chan struct{} // size 1: there may be something new

	sessions []*Session // guarded by hub.mu

	mu      sync.Mutex // taken after hub.mu, never before it
	touched []*topic   // guarded by hub.mu like what belongs to a Session: with an update that its audience does not know of
	marked  int64      // likewise: index of the log up to which the sessions know what is for them
	due     []*Session // guarded by mu: idle ones for which there may be something
	taken   int        // guarded by mu: how many of them have been looked at

	turn turn // owned by the goroutine
}

func newShard(h *Hub, index int) *shard {
	return &shard{hub: h, index: index, bell: make(chan struct{}, 1), turn: newTurn()}
}

// run serves the shard until ctx ends.
func (sh *shard) run(ctx context.Context) {
	ticker := time.NewTicker(sh.hub.every)
	defer ticker.Stop()
	for {
		select {
		case <-sh.bell:
		case <-ticker.C:
			sh.look(time.Now())
		case <-ctx.Done():
			return
		}
		for sh.serve() {
			select {
			case <-ticker.C: // however much there is to be told
				sh.look(time.Now())
			default:
			}
		}
	}
}

// ring has the shard look for something new. It never blocks: a bell that rings already is as good.
func (sh *shard) ring() {
	select {
	case sh.bell <- struct{}{}:
	default:
	}
}

// add takes a session in. The hub is locked.
func (sh *shard) add(s *Session) {
	s.place = len(sh.sessions)
	sh.sessions = append(sh.sessions, s)
}

// remove lets go of a session. The hub is locked.
func (sh *shard) remove(s *Session) {
	end := len(sh.sessions) - 1
	sh.sessions[s.place] = sh.sessions[end]
	sh.sessions[s.place].place = s.place
	sh.sessions[end] = nil
	sh.sessions = sh.sessions[:end]
}

// touch notes that a topic has an update. The hub is locked.
func (sh *shard) touch(t *topic) {
	a := &t.audiences[sh.index]
	if len(a.list) == 0 || a.touched {
		return
	}
	a.touched = true
	sh.touched = append(sh.touched, t)
	sh.ring()
}

// settle has the sessions know of what is new before something changes who it is for. The hub is locked.
func (sh *shard) settle() {
	if len(sh.touched) == 0 && sh.marked == sh.hub.log.head {
		return
	}
	sh.mu.Lock()
	sh.mark()
	sh.mu.Unlock()
	sh.ring()
}

// mark has the sessions know of what is new. The hub is locked, for reading at least, and so is the shard.
func (sh *shard) mark() {
	for i, t := range sh.touched {
		a := &t.audiences[sh.index]
		a.touched = false
		for _, s := range a.list {
			sh.note(s)
		}
		sh.touched[i] = nil
	}
	sh.touched = sh.touched[:0]
	for log := sh.hub.log; sh.marked < log.head; {
		sh.marked++
		e := log.at(sh.marked)
		if e.message == nil {
			continue
		}
		for _, s := range sh.sessions {
			if s.gets(e) {
				sh.expect(s, sh.marked)
			}
		}
	}
}

// wake has a session look for something new. The hub is locked.
func (sh *shard) wake(s *Session) {
	sh.mu.Lock()
	sh.note(s)
	sh.mu.Unlock()
	sh.ring()
}

// expect notes that the message at the index is for a session. The shard is locked.
func (sh *shard) expect(s *Session, index int64) {
	if s.next == 0 {
		s.next = index
	}
	sh.queue(s)
}

// note remembers that there may be something for a session, whatever it is. The shard is locked.
func (sh *shard) note(s *Session) {
	s.besides = true
	sh.queue(s)
}

// queue has a session asked. Who is behind asks without.
func (sh *shard) queue(s *Session) {
	switch {
	case s.waiter != nil:
		s.waiter.ring()
	case s.state == idle || s.state == trying:
		if !s.queued {
			s.queued = true
			sh.due = append(sh.due, s)
		}
	}
}

// nextDue takes the next idle session for which there may be something; nil: there is none. The shard is locked.
func (sh *shard) nextDue() *Session {
	for sh.taken < len(sh.due) {
		s := sh.due[sh.taken]
		sh.due[sh.taken] = nil
		sh.taken++
		s.queued = false
		if sh.taken == cap(sh.due)/2 { // those noted meanwhile move up, so that it does not grow for ever
			n := copy(sh.due, sh.due[sh.taken:])
			clear(sh.due[n:])
			sh.due, sh.taken = sh.due[:n], 0
		}
		if s.state == idle {
			return s
		}
	}
	sh.due, sh.taken = sh.due[:0], 0
	return nil
}
