package transport

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// at reads a position of epoch e, life l: "10" or "10+1".
func at(t testing.TB, s string) Position {
	t.Helper()
	p := Position{Epoch: "e"}
	if n, _ := fmt.Sscanf(s, "%d+%d", &p.Seq, &p.N); n == 2 {
		p.Life = "l"
	} else if n == 0 {
		t.Fatalf("no position: %q", s)
	}
	return p
}

// sayAt appends messages to all.
func sayAt(t testing.TB, h *Hub, places ...string) {
	t.Helper()
	for _, s := range places {
		deliver(h, at(t, s), "", everybody)
	}
}

func TestAloneResumes(t *testing.T) {
	alone, back := []string{"9", "10", "10+1", "10+2"}, []string{"9", "10", "10+1", "10+2", "11"}
	tests := []struct {
		log   []string
		after string
		want  string
	}{
		{alone, "", `nothing`},
		{alone, "e-9", `message 10, message "10+l-1", message "10+l-2"`},
		{alone, "e-10", `message "10+l-1", message "10+l-2"`},
		{alone, "e-10+l-1", `message "10+l-2"`},
		{alone, "e-10+l-2", `nothing`},
		{alone, "e-10+l-3", `reset`}, // not said yet
		{alone, "e-10+m-1", `reset`}, // of another node, or another life
		{alone, "e-11", `reset`},
		{alone, "earliest", `message 9, message 10, message "10+l-1", message "10+l-2"`},
		{back, "", `nothing`},
		{back, "e-9", `message 10, message 11`},
		{back, "e-10", `message 11`},
		{back, "e-10+l-1", `message "10+l-2", message 11`},
		{back, "e-10+l-2", `message 11`},
		{back, "e-10+m-2", `reset`},
		{back, "e-11", `nothing`},
		{back, "f-10+l-1", `reset`},
		{back, "earliest", `message 9, message 10, message 11`},
		{append(back, "11+3"), "e-10+l-2", `message 11, message "11+l-3"`},
		{append(back, "11+3"), "e-11", `message "11+l-3"`},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(len(tt.log), " ", tt.after), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, h *Hub) {
				sayAt(t, h, tt.log...)
				s := open(t, h, Opening{After: tt.after})
				wants(t, "first", next(t, s), tt.want)
				sayAt(t, h, "12", "12+9", "13")
				wants(t, "and on", next(t, s), `message 12, message "12+l-9", message 13`)
				wants(t, "cursor", s.cursor(), "e-13")
			})
		})
	}
}

// TestAloneIDs: a position that only this node knows is for those who have got something of its own.
func TestAloneIDs(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		seven, eight := open(t, h, Opening{UnionID: "7"}), open(t, h, Opening{UnionID: "8"})
		sayAt(t, h, "10")
		deliver(h, at(t, "10+1"), "", Address{Users: []string{"7"}})
		wants(t, "7", next(t, seven), `message 10, message "10+l-1"`)
		wants(t, "8", next(t, eight), `message 10`)
		wants(t, "7", seven.cursor(), "e-10+l-1")
		wants(t, "8", eight.cursor(), "e-10")
		_, page := h.Snapshot(nil)
		wants(t, "a page", page, "e-10+l-1")
		deliver(h, at(t, "10+2"), "", Address{Users: []string{"7"}})
		wants(t, "from the page", next(t, open(t, h, Opening{UnionID: "7", After: page})), `message "10+l-2"`)
		wants(t, "8", next(t, eight), "nothing")
		wants(t, "8 passed it", eight.cursor(), "e-10")
		sayAt(t, h, "11")
		wants(t, "7", next(t, seven), `message "10+l-2", message 11`)
		wants(t, "8", next(t, eight), `message 11`)
		wants(t, "7 is where all are", seven.cursor(), "e-11")
	})
}

func TestAloneMessages(t *testing.T) {
	list := func(h *Hub, after string) (got string) {
		found, next, _ := h.Messages(t.Context(), Reader{}, after, 10)
		for _, m := range found {
			got += m.ID + " "
		}
		return got + "| " + next
	}
	h := newTestHub(t, Options{Epoch: "e"})
	sayAt(t, h, "9", "10", "10+1", "10+2")
	wants(t, "alone", list(h, ""), "e-9 e-10 e-10+l-1 e-10+l-2 | e-10+l-2")
	wants(t, "alone, on", list(h, "e-10+l-1"), "e-10+l-2 | e-10+l-2")
	sayAt(t, h, "11")
	wants(t, "back", list(h, ""), "e-9 e-10 e-11 | e-11")
	wants(t, "back, on", list(h, "e-10+l-1"), "e-10+l-2 e-11 | e-11")
	wants(t, "from elsewhere", list(h, "e-10+m-1"), "e-9 e-10 e-11 | e-11")
}

// TestAloneAndBack: as soon as the node has rejoined, a client of another node is not given what was this one's alone.
func TestAloneAndBack(t *testing.T) {
	var degraded atomic.Bool
	degraded.Store(true)
	nodes := func() ([]string, bool) { return []string{"n"}, degraded.Load() }
	inBubble(t, Options{Nodes: nodes}, func(t *testing.T, h *Hub) {
		sayAt(t, h, "10", "10+1")
		behind := open(t, h, Opening{After: "e-10"})
		degraded.Store(false)
		h.Changed()
		synctest.Wait()
		wants(t, "who came from elsewhere after it", next(t, open(t, h, Opening{After: "e-10"})), "nothing")
		wants(t, "who came before", next(t, behind), `message "10+l-1"`)
		fresh := open(t, h, Opening{})
		wants(t, "from now", fresh.cursor(), "e-10")
		wants(t, "from now", next(t, fresh), "nothing")
	})
}

// TestAloneTwice: who came between two times that the node was alone has not got what was said the first time.
func TestAloneTwice(t *testing.T) {
	var degraded atomic.Bool
	nodes := func() ([]string, bool) { return []string{"n"}, degraded.Load() }
	inBubble(t, Options{Nodes: nodes}, func(t *testing.T, h *Hub) {
		turn := func(alone bool) {
			degraded.Store(alone)
			h.Changed()
			synctest.Wait()
		}
		sayAt(t, h, "10")
		turn(true)
		deliver(h, at(t, "10+1"), "k", everybody)
		turn(false)
		s := open(t, h, Opening{After: "e-10"})
		turn(true)
		sayAt(t, h, "10+2")
		wants(t, "the second time", next(t, s), `message "10+l-2"`)
		resumed := open(t, h, Opening{After: s.cursor()})
		turn(false)
		deliver(h, at(t, "11"), "k", everybody)
		wants(t, "the first one again, for all", next(t, s), "message 11")
		wants(t, "resumed", next(t, resumed), "message 11")
	})
}

// first is the id of the first message with a key.
func first(h *Hub, key string) string {
	at, _ := h.First(key)
	return at.ID()
}

func TestAloneRepeats(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		sayAt(t, h, "10")
		here := open(t, h, Opening{})
		deliver(h, at(t, "10+1"), "k", everybody)
		deliver(h, at(t, "10+2"), "k", everybody)
		fresh := open(t, h, Opening{}) // did not get it
		wants(t, "once", next(t, here), `message "10+l-1"`)
		if id := first(h, "k"); id != "e-10+l-1" {
			t.Errorf("First = %s; want e-10+l-1", id)
		}
		deliver(h, at(t, "11"), "k", everybody)
		deliver(h, at(t, "12"), "k", everybody)
		wants(t, "who had it", next(t, here), "nothing")
		wants(t, "who had it", here.cursor(), "e-12")
		wants(t, "who came after it", next(t, fresh), "message 11")
		wants(t, "who had it and resumes", next(t, open(t, h, Opening{After: "e-10+l-1"})), "nothing")
		wants(t, "who was elsewhere", next(t, open(t, h, Opening{After: "e-10"})), "message 11")
		if id := first(h, "k"); id != "e-11" {
			t.Errorf("First = %s; want the one that all nodes know, e-11", id)
		}
		if kept := h.Stats().Kept; kept != 2 {
			t.Errorf("kept %d; want 2: a repeat is none", kept)
		}
	})
}

func TestAloneIsForgotten(t *testing.T) {
	inBubble(t, Options{Keep: 3}, func(t *testing.T, h *Hub) {
		sayAt(t, h, "10", "10+1", "10+2", "10+3", "10+4")
		wants(t, "alone: what came after it is gone", next(t, open(t, h, Opening{After: "e-10"})), "reset")
		wants(t, "alone", next(t, open(t, h, Opening{After: "e-10+l-1"})), `message "10+l-2", message "10+l-3", message "10+l-4"`)
		sayAt(t, h, "11")
		wants(t, "back: nothing is gone", next(t, open(t, h, Opening{After: "e-10"})), `message 11`)
		wants(t, "back", next(t, open(t, h, Opening{After: "e-10+l-1"})), "reset")
		wants(t, "back", next(t, open(t, h, Opening{After: "e-9"})), "reset")
		wants(t, "back", open(t, h, Opening{After: "earliest"}).cursor(), "e-10")
	})
}

// TestContractAlone: ids of a node that is alone work like any other, on each transport.
func TestContractAlone(t *testing.T) {
	onEachWay(t, Options{}, func(t *testing.T, s *site, w way) {
		sayAt(t, s.Hub, "10")
		c := w.dial(t, s, query("after", "e-10"))
		wants(t, "first", reads(t, c, 1), "hello")
		sayAt(t, s.Hub, "10+1")
		wants(t, "alone", reads(t, c, 1), `message "10+l-1"`)
		at := c.cursor()
		c.close()
		wants(t, "cursor", at, "e-10+l-1")
		sayAt(t, s.Hub, "10+2", "11")
		c = w.dial(t, s, query("after", at))
		wants(t, "resumed", reads(t, c, 3), `hello, message "10+l-2", message 11`)
		c.close()
		c = w.dial(t, s, query("after", "e-10+other-1"))
		wants(t, "of another node", reads(t, c, 2), "hello, reset")
	})
}
