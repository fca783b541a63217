package transport

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hopper is a client that changes its transport at random and keeps its cursor. It is driven over sessions, as the three transports
// drive them: a stream writes a batch and asks for the next, a poll answers with one.
type hopper struct {
	hub        *Hub
	o          Opening
	at         string // the cursor it keeps
	take       func(events []*event)
	meanwhile  func(t *rapid.T) // what happens between two batches
	isCaughtUp func(t *rapid.T) // what is to be seen when nothing is newer
}

// listener is a hopper on one hub.
type listener struct {
	hopper
	got  []int64 // messages; -1: a reset
	sent []int64 // messages for it
	seq  int64
}

// say says some messages, for it or for others.
func (c *listener) say(t *rapid.T) {
	me := Reader{UnionID: c.o.UnionID, Rooms: c.o.Rooms}
	for range rapid.IntRange(0, 6).Draw(t, "messages") {
		c.seq++
		to := somebody.Draw(t, "to")
		say(c.hub, c.seq, to)
		if to.reaches(me) {
			c.sent = append(c.sent, c.seq)
		}
	}
}

// somebody is who a message may be for.
var somebody = rapid.SampledFrom([]Address{
	everybody, {Room: "r"}, {Room: "q"}, {Users: []string{"7"}}, {Users: []string{"8"}}, {Room: "r", Users: []string{"7"}}, {Room: "r", Users: []string{"8"}},
})

// hop opens a session of some kind, takes some batches and leaves, perhaps without the last batch.
func (c *hopper) hop(t *rapid.T) {
	c.o.After, c.o.LastEventID = c.at, ""
	kind := rapid.SampledFrom(Kinds[:]).Draw(t, "kind")
	s, err := c.hub.admit(t.Context(), c.o, kind)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if kind == LongPoll {
		batch := s.collect()
		if cursor := s.cursor(); rapid.IntRange(0, 9).Draw(t, "lost") > 0 { // else the answer is lost on its way
			c.take(batch.events)
			c.at = cursor
		}
		return
	}
	for range rapid.IntRange(0, 4).Draw(t, "batches") {
		batch, err := s.Next(t.Context(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if len(batch.events) == 0 {
			c.at = s.heartbeat().id
			c.isCaughtUp(t)
			return
		}
		cut := len(batch.events)
		if rapid.IntRange(0, 4).Draw(t, "cut") == 0 { // the connection ends within the batch
			cut = rapid.IntRange(0, cut).Draw(t, "at")
		}
		c.take(batch.events[:cut])
		for _, e := range batch.events[:cut] {
			if e.id != "" {
				c.at = e.id
			}
		}
		if cut < len(batch.events) {
			return
		}
		c.meanwhile(t)
	}
}

func (c *listener) note(events []*event) {
	for _, e := range events {
		switch e.name {
		case "message":
			var n int64
			if _, err := fmt.Sscanf(word(e.name, e.data), "message %d", &n); err == nil {
				c.got = append(c.got, n)
			}
		case "reset":
			c.got = append(c.got, -1)
		}
	}
}

// TestHopping is the promise of messages: each exactly once, in order, to a client that keeps its cursor on whatever transport; or a reset.
func TestHopping(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.SampledFrom([]int{4, 16, 1000}).Draw(t, "keep")
		h := NewHub(Options{Epoch: "e", Keep: keep})
		defer h.Close()
		c := &listener{hopper: hopper{hub: h, o: Opening{UnionID: "7", Rooms: []string{"r"}, Session: "tab"}, at: "e-0"}}
		c.take, c.meanwhile, c.isCaughtUp = c.note, c.say, func(*rapid.T) {}
		for range rapid.IntRange(1, 30).Draw(t, "hops") {
			c.say(t)
			c.hop(t)
		}
		for range 100 { // until it has everything
			before := c.at
			s, err := h.open(Opening{UnionID: "7", Rooms: []string{"r"}, After: c.at}, LongPoll)
			if err != nil {
				t.Fatal(err)
			}
			c.take(s.collect().events)
			c.at = s.cursor()
			s.Close()
			if c.at == before {
				break
			}
		}
		check(t, c.sent, c.got)
		if keep == 1000 && slices.Contains(c.got, -1) {
			t.Fatalf("got %v; want no reset: everything is kept", c.got)
		}
	})
}

// check holds got against what was sent: in order, none twice, and none left out without a reset at that place.
func check(t *rapid.T, sent, got []int64) {
	next := 0
	for i, n := range got {
		if n == -1 {
			continue
		}
		at := slices.Index(sent, n)
		if at < next {
			t.Fatalf("sent %v, got %v: %d is not for it, or comes again, or too late", sent, got, n)
		}
		if at > next && (i == 0 || got[i-1] != -1) {
			t.Fatalf("sent %v, got %v: %v is missing before %d without a reset", sent, got, sent[next:at], n)
		}
		next = at + 1
	}
	if next < len(sent) && (len(got) == 0 || got[len(got)-1] != -1) {
		t.Fatalf("sent %v, got %v: %v is missing at the end without a reset", sent, got, sent[next:])
	}
}
