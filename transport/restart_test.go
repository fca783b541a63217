package transport

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestReached(t *testing.T) {
	var h *Hub
	var asked []string
	reached := func(ctx context.Context, epoch string, seq int64) bool {
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 8*time.Second {
			t.Errorf("deadline %v, %v; want one within 8 s", deadline, ok)
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
		_, next, _ := h.Messages(t.Context(), Reader{}, "f-9", 1)
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
				came := []string{"e-8", "e-10", "e-10+l-1", "e-12"}
				for _, after := range came[:3] {
					sessions = append(sessions, open(t, h, Opening{After: after}))
				}
				tt.restart(h)
				sessions = append(sessions, open(t, h, Opening{After: came[3]}))
				for i, s := range sessions {
					wants(t, came[i], next(t, s), tt.want[i])
				}
				p := h.log.top()
				p.Seq++
				deliver(h, p.shared(), "", everybody)
				for i, s := range sessions {
					wants(t, came[i]+" and on", next(t, s), fmt.Sprintf("message %d", p.Seq))
				}
			})
		})
	}
}

// TestRestartAlone: a node that was never in the cluster begins with messages of its own.
func TestRestartAlone(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		deliver(h, Position{Epoch: "f", Life: "l", N: 1}, "", everybody)
		s := open(t, h, Opening{After: "f-0"})
		wants(t, "alone", next(t, s), `message "0+l-1"`)
		wants(t, "cursor", s.cursor(), "f-0+l-1")
		h.Restart("g", 7, nil)
		wants(t, "it joins", next(t, s), "reset")
		wants(t, "cursor", s.cursor(), "g-7")
	})
}

// TestKeptMessagesAreAsOldAsTheySay has a node start when the others' log has messages of yesterday.
func TestKeptMessagesAreAsOldAsTheySay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newTestHub(t, Options{KeepFor: time.Hour})
		var kept []Item
		for i, age := range []time.Duration{25 * time.Hour, 50 * time.Minute, -time.Minute} {
			item := itemAt(Position{Epoch: "f", Seq: int64(i + 1)}, "", everybody)
			item.Message.At = time.Now().Add(-age)
			kept = append(kept, item)
		}
		h.Restart("f", 0, kept)
		time.Sleep(2 * time.Second)
		s := admit(t, h, Opening{After: earliest}, WebSocket)
		wants(t, "earliest", next(t, s), "message 2, message 3")
		s.Close()
		time.Sleep(10 * time.Minute)
		s = admit(t, h, Opening{After: earliest}, WebSocket)
		wants(t, "ten minutes later", next(t, s), "message 3")
		s.Close()
	})
}
