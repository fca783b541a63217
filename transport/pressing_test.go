package transport

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestPollIsToldThatTheNodeIsAlone answers a waiting poll when the node loses the others and when it has them again, and at once one
// that comes to a node alone; nothing else of presence is a reason to answer.
func TestPollIsToldThatTheNodeIsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var degraded atomic.Bool
		h := NewHub(Options{Epoch: "e", Nodes: func() ([]string, bool) { return []string{"n"}, degraded.Load() }})
		t.Cleanup(h.Close)
		poll := func(session string) string {
			s := admit(t, h, Opening{Session: session, After: "e-0", Presence: true}, LongPoll)
			defer s.Close()
			began := time.Now()
			batch, err := s.Next(t.Context(), time.Now().Add(20*time.Second))
			if err != nil {
				t.Fatal(err)
			}
			s.answered.Store(true)
			list := h.pollerNews(s)
			return fmt.Sprintf("%d events and %d after %v", len(batch.events), len(list), time.Since(began).Truncate(time.Second))
		}
		first := admit(t, h, Opening{Session: "p", Presence: true}, LongPoll)
		if len(h.pollerNews(first)) != 1 {
			t.Error("a first answer without presence")
		}
		first.answered.Store(true)
		first.Close()
		time.AfterFunc(5*time.Second, func() { open(t, h, Opening{UnionID: "7"}) })
		wants(t, "somebody comes", poll("p"), "0 events and 1 after 20s")
		time.AfterFunc(5*time.Second, func() { degraded.Store(true); h.Changed() })
		wants(t, "alone", poll("p"), "1 events and 0 after 5s")
		wants(t, "still alone", poll("p"), "0 events and 0 after 20s")
		wants(t, "one that comes", poll("q"), "1 events and 0 after 0s")
		time.AfterFunc(5*time.Second, func() { degraded.Store(false); h.Changed() })
		wants(t, "back", poll("p"), "1 events and 0 after 5s")
		wants(t, "one that comes later", poll("r"), "0 events and 1 after 20s")
	})
}
