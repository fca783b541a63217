//go:build linux

package clients

import (
	"sync/atomic"
)

// phase is a row of payloads and how far each has come. Its numbers are first, first+1 …
type phase struct {
	first    uint64
	expected uint32          // clients that are to get each
	passed   []atomic.Uint32 // by number − first: clients that have it, or a later one
	complete atomic.Uint64   // all that are expected have passed the numbers below this
	progress chan struct{}   // of size 1: complete has risen
	moved    atomic.Bool     // something has come to somebody
}

func newPhase(first uint64, most, expected int) *phase {
	p := &phase{first: first, expected: uint32(expected), passed: make([]atomic.Uint32, most), progress: make(chan struct{}, 1)}
	p.complete.Store(first)
	return p
}

// pass says that a client went from one number to another one, which it expects now.
func (p *phase) pass(from, to uint64) {
	if !p.moved.Load() { // most often it is, and what is not written stays in the caches of all loops
		p.moved.Store(true)
	}
	end := p.first + uint64(len(p.passed))
	for n := from; n < min(to, end); n++ {
		if p.passed[n-p.first].Add(1) == p.expected {
			p.advance(n + 1)
		}
	}
}

// advance raises complete. Each client passes numbers in order, so those below are complete too.
func (p *phase) advance(to uint64) {
	for {
		at := p.complete.Load()
		if at >= to {
			return
		}
		if p.complete.CompareAndSwap(at, to) {
			select {
			case p.progress <- struct{}{}:
			default: // it is to be looked at already
			}
			return
		}
	}
}

// missed is a payload that a client did not get in its turn.
type missed struct {
	client *client
	number uint64
}

// mostMissed bounds how many of them a loop can tell from payloads that come twice.
const mostMissed = 100_000

// tally is what one loop counted in a phase.
type tally struct {
	phase      *phase
	took       histogram
	last       int64 // when something came, in Unix nanoseconds; 0: never
	deliveries int64
	lost       int64
	spared     int64
	doubled    int64
	disordered int64
	bytes      int64
	dropped    int
	missing    map[missed]bool
}

// note takes one payload that the client got.
func (t *tally) note(c *client, number uint64, newest bool) {
	t.deliveries++
	if number < c.next {
		if m := (missed{c, number}); t.missing[m] {
			delete(t.missing, m)
			t.lost--
			t.disordered++
		} else {
			t.doubled++
		}
		return
	}
	if gap := int64(number - c.next); gap > 0 && newest {
		t.spared += gap
	} else if gap > 0 {
		t.lost += gap
		for n := c.next; n < number && len(t.missing) < mostMissed; n++ {
			t.missing[missed{c, n}] = true
		}
	}
	t.phase.pass(c.next, number+1)
	c.next = number + 1
}
