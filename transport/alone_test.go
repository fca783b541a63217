package transport

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
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
		found, next := h.Messages(t.Context(), Reader{}, after, 10)
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

func TestAloneRepeats(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		sayAt(t, h, "10")
		here := open(t, h, Opening{})
		deliver(h, at(t, "10+1"), "k", everybody)
		deliver(h, at(t, "10+2"), "k", everybody)
		fresh := open(t, h, Opening{}) // did not get it
		wants(t, "once", next(t, here), `message "10+l-1"`)
		if id, _ := h.First("k"); id != "e-10+l-1" {
			t.Errorf("First = %s; want e-10+l-1", id)
		}
		deliver(h, at(t, "11"), "k", everybody)
		deliver(h, at(t, "12"), "k", everybody)
		wants(t, "who had it", next(t, here), "nothing")
		wants(t, "who had it", here.cursor(), "e-12")
		wants(t, "who came after it", next(t, fresh), "message 11")
		wants(t, "who had it and resumes", next(t, open(t, h, Opening{After: "e-10+l-1"})), "nothing")
		wants(t, "who was elsewhere", next(t, open(t, h, Opening{After: "e-10"})), "message 11")
		if id, _ := h.First("k"); id != "e-11" {
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

func TestReached(t *testing.T) {
	var h *Hub
	var asked []string
	reached := func(ctx context.Context, epoch string, seq int64) bool {
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > time.Second {
			t.Errorf("deadline %v, %v; want one within a second", deadline, ok)
		}
		asked = append(asked, fmt.Sprint(epoch, "-", seq))
		switch {
		case epoch == "e" && seq == 12 && epochOf(h) == "e":
			sayAt(t, h, "11", "12")
			return true
		case epoch == "f":
			h.Restart("f", 3, []Item{itemAt(Position{Epoch: "f", Seq: 4}, "", everybody), itemAt(Position{Epoch: "f", Seq: 5}, "", everybody)})
			return true
		}
		return false
	}
	synctest.Test(t, func(t *testing.T) {
		h = newTestHub(t, Options{Epoch: "e", Reached: reached})
		sayAt(t, h, "9", "10")
		tests := []struct {
			o     Opening
			asked string
			want  string
		}{
			{Opening{}, "[]", "nothing"},
			{Opening{After: "earliest"}, "[]", "message 9, message 10"},
			{Opening{After: "nonsense"}, "[]", "reset"},
			{Opening{After: "e-9"}, "[]", "message 10"},
			{Opening{After: "e-3"}, "[]", "reset"},
			{Opening{After: "e-10+m-1"}, "[]", "reset"},
			{Opening{After: "e-13"}, "[e-13]", "reset"},
			{Opening{After: "e-9", LastEventID: "e-12"}, "[e-12]", "nothing"},
			{Opening{After: "e-12"}, "[]", "nothing"},
			{Opening{After: "g-1"}, "[g-1]", "reset"},
			{Opening{After: "f-4"}, "[f-4]", "message 5"},
			{Opening{After: "e-12"}, "[e-12]", "reset"},
		}
		for _, tt := range tests {
			asked = nil
			s := admit(t, h, tt.o, WebSocket)
			wants(t, fmt.Sprint("asked for ", tt.o.After, tt.o.LastEventID), fmt.Sprint(asked), tt.asked)
			wants(t, fmt.Sprint("got from ", tt.o.After, tt.o.LastEventID), next(t, s), tt.want)
			s.Close()
		}
		asked = nil
		_, next := h.Messages(t.Context(), Reader{}, "f-9", 1)
		wants(t, "Messages", fmt.Sprint(asked, " ", next), "[f-9] f-4")
	})
}

func TestRestartKeeps(t *testing.T) {
	inEpoch := func(epoch string, seqs ...int64) (list []Item) {
		for _, seq := range seqs {
			list = append(list, itemAt(Position{Epoch: epoch, Seq: seq}, "", everybody))
		}
		return list
	}
	tests := []struct {
		name    string
		restart func(h *Hub)
		want    [4]string // of sessions at 8, 10, 10+1 and of one that comes with e-12 afterwards
	}{
		{"nothing is lost", func(h *Hub) { h.Restart("e", 8, inEpoch("e", 9, 10, 11, 12)) }, [4]string{
			`message 9, message 10, message "10+l-1", message 11, message 12`, `message "10+l-1", message 11, message 12`, "message 11, message 12", "nothing",
		}},
		{"some is lost for some", func(h *Hub) { h.Restart("e", 9, inEpoch("e", 10, 11, 12)) }, [4]string{
			"reset, message 11, message 12", `message "10+l-1", message 11, message 12`, "message 11, message 12", "nothing",
		}},
		{"nothing new", func(h *Hub) { h.Restart("e", 10, nil) }, [4]string{"reset", `message "10+l-1"`, "nothing", "reset"}},
		{"some is lost for all", func(h *Hub) { h.Restart("e", 11, inEpoch("e", 12, 13)) }, [4]string{"reset", "reset", "reset", "message 13"}},
		{"another epoch", func(h *Hub) { h.Restart("f", 8, inEpoch("f", 9, 10)) }, [4]string{"reset", "reset", "reset", "reset"}},
		{"another epoch by an item", func(h *Hub) { h.Append(inEpoch("f", 9)[0]) }, [4]string{"reset, message 9", "reset, message 9", "reset, message 9", "reset"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, h *Hub) {
				sayAt(t, h, "8", "9", "10", "10+1")
				var sessions []*Session
				for _, after := range []string{"e-8", "e-10", "e-10+l-1"} {
					sessions = append(sessions, open(t, h, Opening{After: after}))
				}
				tt.restart(h)
				sessions = append(sessions, open(t, h, Opening{After: "e-12"}))
				for i, s := range sessions {
					wants(t, s.open.After, next(t, s), tt.want[i])
				}
				p := h.log.top()
				p.Seq++
				deliver(h, p.shared(), "", everybody)
				for _, s := range sessions {
					wants(t, s.open.After+" and on", next(t, s), fmt.Sprintf("message %d", p.Seq))
				}
			})
		})
	}
}
