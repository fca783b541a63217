package transport

// part remembers a stream that was here while this node said messages of its own. It may not have got them all, and comes back with a
// position from before them, which looks like that of a client of another node. The hub is locked.
func (h *Hub) part(s *Session) {
	switch {
	case s.kind == "" || s.kind == LongPoll || h.log.said <= s.skip || h.log.said < h.log.tail:
		return
	case len(h.parted) >= h.opts.Pollers: // most have come back elsewhere
		clear(h.parted)
	}
	h.parted[s.id] = s.skip
}

// rejoin gives a session that was here, or polls here, what this node alone has said since. The hub is locked.
func (s *Session) rejoin(resumes bool) {
	h := s.hub
	skip, was := h.parted[s.id]
	delete(h.parted, s.id)
	if c := h.roll.clients[s.id]; c != nil && c.idle != nil {
		skip, was = c.skip, true
	}
	if was && resumes && s.reset == "" {
		s.skip = min(s.skip, max(skip, s.pending.index))
	}
}
