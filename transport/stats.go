package transport

import "sync/atomic"

// Stats are counts for metrics; all but Sessions and Kept only grow.
type Stats struct {
	Sessions   map[Kind]int    // open streams and waiting polls
	Deliveries map[Kind]uint64 // events written
	Bytes      map[Kind]uint64 // bytes written, frames included, as sent before TLS
	SlowCloses uint64          // streams ended because the socket took nothing
	Resets     uint64
	Kept       int // messages that can still be read
}

// counters are the hub's counts.
type counters struct {
	deliveries, bytes  [len(Kinds)]atomic.Uint64
	slowCloses, resets atomic.Uint64
}

// index is the kind's place in Kinds.
func (k Kind) index() int {
	for i, kind := range Kinds {
		if kind == k {
			return i
		}
	}
	return 0
}

// wrote counts what went out on a transport.
func (c *counters) wrote(k Kind, events, bytes int) {
	c.add(k.index(), events, bytes)
}

// add counts likewise, for who knows the index of the kind.
func (c *counters) add(kind, events, bytes int) {
	c.deliveries[kind].Add(uint64(events)) // #nosec G115 -- a length
	c.bytes[kind].Add(uint64(bytes))       // #nosec G115 -- a length
}

// Stats returns the counts as they stand.
func (h *Hub) Stats() Stats {
	s := Stats{
		Sessions:   make(map[Kind]int),
		Deliveries: make(map[Kind]uint64),
		Bytes:      make(map[Kind]uint64),
		SlowCloses: h.count.slowCloses.Load(),
		Resets:     h.count.resets.Load(),
	}
	for i, k := range Kinds {
		s.Deliveries[k] = h.count.deliveries[i].Load()
		s.Bytes[k] = h.count.bytes[i].Load()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for i, k := range Kinds {
		s.Sessions[k] = h.opened[i]
	}
	s.Kept = h.log.kept
	return s
}
