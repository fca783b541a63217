package transport

import "context"

// part remembers a stream that was here while this node said messages of its own. It may not have got them all, and comes back with a
// position from before them, which looks like that of a client of another node. The hub is locked.
func (h *Hub) part(s *Session) {
	switch {
	case s.kind == "" || s.kind == LongPoll || h.log.said < s.skip || h.log.said < h.log.tail:
		return
	case len(h.parted) >= h.opts.Pollers: // most have come back elsewhere
		clear(h.parted)
	}
	h.parted[s.id] = s.skip
}

// rejoin gives a session that was here, or polls here, what this node alone has said since: from where it was told before that something
// may be missing, if so. The hub is locked.
func (s *Session) rejoin(resumes bool) {
	skip, was := s.hub.skipped(s.id)
	switch {
	case !was || !resumes || s.reset != "":
	case s.pending.Alone() && skip <= s.pending.index: // it has had all since
		s.skip = skip
	default:
		s.skip = min(s.skip, max(skip, s.pending.index))
	}
}

// skipped is the skip of the session of that name that was here last, or is here. The hub is locked.
func (h *Hub) skipped(id string) (skip int64, was bool) {
	skip, was = h.parted[id]
	delete(h.parted, id)
	c := h.roll.clients[id]
	switch {
	case c == nil:
		return skip, was
	case c.idle != nil:
		return c.skip, true
	}
	return c.sessions[len(c.sessions)-1].skip, true
}

// untilClose has cut called when the hub closes, unless that has begun. The caller must call the function returned, which waits for cut.
func (h *Hub) untilClose(cut func()) (done func()) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.closed {
		return func() {}
	}
	fired := make(chan struct{})
	stop := context.AfterFunc(h.parting, func() {
		defer close(fired)
		cut()
	})
	return func() {
		if !stop() {
			<-fired
		}
	}
}
