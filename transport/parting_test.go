package transport

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestParting: who was here when the node said something alone, and was cut off before it came, gets it when he is back, though the node is not
// alone any more. Somebody else with the same position does not.
func TestParting(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(string(kind), func(t *testing.T) {
			var degraded atomic.Bool
			nodes := func() ([]string, bool) { return []string{"n"}, degraded.Load() }
			inBubble(t, Options{Nodes: nodes}, func(t *testing.T, h *Hub) {
				turn := func(alone bool) {
					degraded.Store(alone)
					h.Changed()
					synctest.Wait()
				}
				sayAt(t, h, "10")
				before := admit(t, h, Opening{Session: "before", After: "e-10"}, kind)
				before.Close()
				time.Sleep(time.Minute) // no poller any more
				synctest.Wait()
				turn(true)
				here := admit(t, h, Opening{Session: "here", After: "e-10"}, kind)
				if kind == LongPoll { // between two polls
					here.Close()
				}
				sayAt(t, h, "10+1")
				here.Close()
				turn(false)
				sayAt(t, h, "11")
				back := func(session string) *Session { return admit(t, h, Opening{Session: session, After: "e-10"}, kind) }
				wants(t, "who was there before", next(t, back("before")), "message 11")
				wants(t, "somebody else", next(t, back("other")), "message 11")
				again := back("here")
				wants(t, "who was here", next(t, again), `message "10+l-1", message 11`)
				again.Close()
				wants(t, "who was here, cut off again", next(t, back("here")), `message "10+l-1", message 11`)
				wants(t, "who had it", next(t, admit(t, h, Opening{Session: "here", After: "e-10+l-1"}, kind)), "message 11")
				wants(t, "who starts from now", next(t, admit(t, h, Opening{Session: "here"}, kind)), "nothing")
			})
		})
	}
}

// TestPartingAfterReset: who was told on a node alone that something may be missing, and goes on there, gets the cluster's repeat of what had been
// said before that, whether his stream stays open or another begins.
func TestPartingAfterReset(t *testing.T) {
	for _, kind := range Kinds {
		t.Run(string(kind), func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, h *Hub) {
				sayAt(t, h, "10")
				alone := Position{Epoch: "e", Seq: 10, Life: "l", N: 1}
				deliver(h, alone, "key", everybody)
				back := func(after string) *Session { return admit(t, h, Opening{Session: "tab", After: after}, kind) }
				first := back("e-10+m-7")
				wants(t, "of another node", next(t, first), "reset")
				alone.N = 2
				deliver(h, alone, "", everybody)
				wants(t, "goes on", next(t, first), `message "10+l-2"`)
				first.Close()
				deliver(h, Position{Epoch: "e", Seq: 11}, "key", everybody)
				wants(t, "the repeat", next(t, back("e-10+l-2")), "message 11")
				wants(t, "an older position", next(t, back("e-10")), `message "10+l-2", message 11`)
			})
		})
	}
}

// TestCloseCutsGoodbyes: those that were under way, not its own.
func TestCloseCutsGoodbyes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		cuts := 0
		done := h.untilClose(func() { cuts++ })
		h.Close()
		done()
		h.untilClose(func() { t.Error("cut though the hub was closed before") })()
		if cuts != 1 {
			t.Errorf("cut %d times; want once", cuts)
		}
	})
}
