//go:build linux

package clients

import (
	"testing"
	"time"
)

// TestTally tells payloads that are lost, come twice, come out of order, or were replaced by a newer one.
func TestTally(t *testing.T) {
	tests := []struct {
		name                             string
		numbers                          []uint64
		newest                           bool
		lost, doubled, disordered, spare int64
	}{
		{name: "all", numbers: []uint64{1, 2, 3, 4}},
		{name: "a gap", numbers: []uint64{1, 4}, lost: 2},
		{name: "the end", numbers: []uint64{1, 2}, lost: 2},
		{name: "none", lost: 4},
		{name: "twice", numbers: []uint64{1, 2, 2, 3, 1, 4}, doubled: 2},
		{name: "out of order", numbers: []uint64{2, 1, 3, 4}, disordered: 1},
		{name: "out of order and twice", numbers: []uint64{2, 1, 1, 3, 4}, disordered: 1, doubled: 1},
		{name: "the newest", numbers: []uint64{1, 4}, newest: true, spare: 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &client{state: ready}
			l := &loop{clients: []*client{c}}
			l.begin(newPhase(1, 4, l.reading()))
			for _, n := range tt.numbers {
				l.tally.note(c, n, tt.newest)
			}
			got := l.finish(5)
			if got.lost != tt.lost || got.doubled != tt.doubled || got.disordered != tt.disordered || got.spared != tt.spare {
				t.Errorf("%d lost, %d twice, %d out of order, %d spared; want %+v", got.lost, got.doubled, got.disordered, got.spared, tt)
			}
		})
	}
}

// TestComplete has two clients pass numbers; complete is what both have passed, also when one has gone.
func TestComplete(t *testing.T) {
	a, b := &client{state: ready}, &client{state: ready}
	l := &loop{clients: []*client{a, b}}
	p := newPhase(10, 3, l.reading())
	l.begin(p)
	l.tally.note(a, 10, false)
	l.tally.note(a, 11, false)
	if got := p.complete.Load(); got != 10 {
		t.Errorf("complete = %d before the other has anything; want 10", got)
	}
	l.tally.note(b, 10, false)
	if got := p.complete.Load(); got != 11 {
		t.Errorf("complete = %d; want 11", got)
	}
	b.fd = -1
	l.end(b, nil)
	if got := p.complete.Load(); got != 12 || l.tally.dropped != 1 {
		t.Errorf("complete = %d with %d dropped; want 12 with 1", got, l.tally.dropped)
	}
	l.tally.note(a, 12, false)
	if got, sum := p.complete.Load(), l.finish(13); got != 13 || sum.lost != 2 {
		t.Errorf("complete = %d with %d lost; want 13 with 2", got, sum.lost)
	}
}

func TestHistogram(t *testing.T) {
	var h, other histogram
	for i := range 10_000 {
		into := &h
		if i%2 == 0 {
			into = &other
		}
		into.add(time.Duration(i) * time.Microsecond)
	}
	h.merge(&other)
	for part, want := range map[float64]time.Duration{0: 0, 0.5: 5 * time.Millisecond, 0.99: 9900 * time.Microsecond} {
		if got := h.at(part); got < want-want/64 || got > want+want/64 {
			t.Errorf("at(%v) = %v; want %v to a part in 64", part, got, want)
		}
	}
	if h.longest != 9999*time.Microsecond || h.at(1) > h.longest {
		t.Errorf("longest = %v, at(1) = %v", h.longest, h.at(1))
	}
	h.add(-1)
	h.add(1<<63 - 1)
	if h.at(0.999999) > h.longest {
		t.Errorf("at = %v beyond the longest", h.at(0.999999))
	}
}
