package transport

import "slices"

// Batch is what was newer than a position. Asking for the next batch says that this one has been written.
type Batch struct {
	events []*event
	last   bool // a bye: nothing follows

	readings       []due
	tell, pressing bool // something of presence may be to be told, or is
	bye            *event
}

// due is an update to send to a client that has version had.
type due struct {
	update *Update
	had    int64
}

// clear makes it ready for the next.
func (b *Batch) clear() {
	clear(b.events)
	clear(b.readings)
	*b = Batch{events: b.events[:0], readings: b.readings[:0]}
}

// empty says that nothing was newer, presence left aside.
func (b *Batch) empty() bool {
	return len(b.events) == 0 && len(b.readings) == 0 && b.bye == nil && !b.pressing
}

// wantsBeat says whether a heartbeat has to go along: when there is nothing else, or when one is overdue that brings an id and nothing here has one.
func (b *Batch) wantsBeat(overdue bool) bool {
	if len(b.events) == 0 {
		return true
	}
	return overdue && !b.last && !slices.ContainsFunc(b.events, func(e *event) bool { return e.id != "" })
}
