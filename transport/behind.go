package transport

import "time"

// catchUp writes to a client that did not take all at once, until there is nothing newer. What came meanwhile goes out in as few writes as
// can be, and of each reading only the newest. It begins with the rest of a try; last says that this is all.
func (st *stream) catchUp(last bool) {
	defer st.busy.Done()
	err := st.out.Write(nil)
	beat := time.Now()
	for err == nil && !last {
		var rested bool
		if rested, last, err = st.writeNext(); rested {
			return
		}
		if now := time.Now(); err == nil && now.Sub(beat) >= lookEvery { // it may be long before a shard sees it idle
			beat = now
			_, err = st.out.Beat(now)
		}
	}
	st.end(err)
}

// writeNext writes what is newer, or makes the stream idle when nothing is.
func (st *stream) writeNext() (rested, last bool, err error) {
	var b Batch
	for told := false; len(b.events) == 0; told = true {
		b.clear()
		if st.rests(&b, told) {
			return true, false, nil
		}
		st.s.encode(&b)
	}
	p := st.s.coding.join(b.events)
	err = st.out.Write(p)
	st.s.told(b.events, len(p), err)
	return false, b.last, err
}

// rests takes what is newer, or hands back to the shard where nothing is. Both are under one lock: what comes is seen here, or noted
// there. told says that presence was asked, and had nothing to tell yet.
func (st *stream) rests(b *Batch, told bool) bool {
	s, sh, h := st.s, st.s.shard, st.s.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if s.state >= silenced {
		return true
	}
	sh.mark()
	s.take(b)
	if !b.empty() || b.tell && !told {
		return false
	}
	s.state = idle
	if b.tell {
		sh.note(s)
		sh.ring()
	}
	return true
}

// step writes what is newer at once, whoever's the shard is at, if the stream is idle. It reports whether it was.
func (st *stream) step() bool {
	s, sh, h := st.s, st.s.shard, st.s.hub
	var b Batch
	h.mu.RLock()
	sh.mu.Lock()
	was := s.state == idle
	if was {
		s.state, s.besides = behind, true
		sh.mark()
		s.take(&b)
	}
	sh.mu.Unlock()
	h.mu.RUnlock()
	if !was {
		return false
	}
	s.encode(&b)
	var err error
	if len(b.events) > 0 {
		p := st.s.coding.join(b.events)
		err = st.out.Write(p)
		st.s.told(b.events, len(p), err)
	}
	sh.mu.Lock()
	s.give(false, b.last, err)
	if s.state == idle {
		sh.note(s) // it was in no state to be noted
	}
	sh.mu.Unlock()
	sh.ring()
	if err != nil || b.last {
		st.end(err)
	}
	return true
}
