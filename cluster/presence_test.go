package cluster

import (
	"fmt"
	"testing"
	"time"
)

// lonely returns a node that believes that it can reach the others, and cannot.
func lonely(name string) *Hazelcast {
	h := NewHazelcast(name, newRecorder(), Options{Addresses: []string{"none"}})
	h.messages.degraded = false
	h.messages.show()
	return h
}

// TestCountedWhileWritten is about a poller that is on its way to the members.
func TestCountedWhileWritten(t *testing.T) {
	h := lonely("a")
	wantPollers := func(when string, want int) {
		t.Helper()
		h.presence.recount() // as after any other change
		if got := h.Roster().Transports["poll"]; got != want {
			t.Errorf("%s: %d pollers; want %d", when, got, want)
		}
	}
	poll := Entry{User: "7", Streams: map[string]int{"poll": 1}}
	h.Poll("s", poll, time.Minute)
	wantPollers("not written yet", 1)
	if _, sessions, news := h.presence.toWrite(); len(sessions) != 1 || !news {
		t.Errorf("%d sessions to write, news: %v", len(sessions), news)
	}
	wantPollers("under way", 1)
	h.Unpoll("s")
	wantPollers("gone while under way", 0)
	h.Poll("s", poll, time.Minute)
	if h.presence.write(t.Context()) {
		t.Error("written to nobody")
	}
	wantPollers("written in vain", 1)
	if _, _, news := h.presence.toWrite(); !news {
		t.Error("nobody would learn of it at the second try")
	}
	h.Poll("s", poll, time.Minute)
	if _, _, news := h.presence.toWrite(); news {
		t.Error("a poller that polls again is news")
	}
}

// TestPurgeAlone has a node that is alone find what others have written: it cannot tell that they are dead.
func TestPurgeAlone(t *testing.T) {
	h := lonely("a")
	h.presence.purge(t.Context(), []string{"b#1"})
	if len(h.presence.orphans) != 1 {
		t.Error("what stands under nobody is not noticed")
	}
	h.messages.degraded = true
	h.messages.show()
	h.presence.purge(t.Context(), []string{"b#1", "c#1"})
	if len(h.presence.orphans) != 0 {
		t.Errorf("a node alone is about to purge %v", h.presence.orphans)
	}
}

// testPollerRelinked is about a session that went on to b, when a has everything written again.
func testPollerRelinked(t *testing.T, a, b *node) {
	polls := Entry{User: "2011", Streams: map[string]int{"poll": 1}}
	pollers := a.Cluster.(*Hazelcast).link.Load().pollers
	kept := func(session string, want time.Duration) error {
		view, err := pollers.GetEntryView(t.Context(), session)
		if err != nil || view == nil {
			return fmt.Errorf("session %s: %v, %w", session, view, err)
		}
		if left := time.Until(time.UnixMilli(view.ExpirationTime)); left < want-15*time.Second || left > want+5*time.Second {
			return fmt.Errorf("session %s is kept for %v; want about %v", session, left, want)
		}
		return nil
	}
	a.Poll("hopped", polls, 30*time.Second)
	eventually(t, time.Second, func() error { return kept("hopped", 30*time.Second) })
	b.Poll("hopped", polls, time.Minute)
	eventually(t, time.Second, func() error { return kept("hopped", time.Minute) })
	a.Poll("lost", polls, time.Minute)
	eventually(t, time.Second, func() error { return kept("lost", time.Minute) })
	if err := pollers.Delete(t.Context(), "lost"); err != nil {
		t.Fatal(err)
	}
	a.Cluster.(*Hazelcast).presence.relink()
	eventually(t, time.Second, func() error { return kept("lost", time.Minute) })
	if err := kept("hopped", time.Minute); err != nil {
		t.Error(err)
	}
	b.Unpoll("hopped")
	a.Unpoll("lost")
	for _, n := range []*node{a, b} {
		eventually(t, 8*time.Second, func() error {
			if u := n.Roster().Users["2011"]; u != nil {
				return fmt.Errorf("%s still has %+v", n.Node(), u)
			}
			return nil
		})
	}
}

func testHoppingPoller(t *testing.T, a, b *node) {
	before := a.Roster().Transports["poll"]
	stop, highest := time.Now().Add(4*time.Second), 0
	for i := 0; time.Now().Before(stop) || highest < 10 && time.Now().Before(stop.Add(busyWithin)); i++ { // a busy machine counts late
		n := []*node{a, b}[i%2]
		for s := range 10 {
			n.Poll(fmt.Sprintf("session-%d", s), Entry{User: "9", Streams: map[string]int{"poll": 1}}, 30*time.Second)
		}
		pause(t.Context(), 50*time.Millisecond)
		highest = max(highest, a.Roster().Transports["poll"]-before)
	}
	if highest != 10 {
		t.Errorf("10 pollers were counted as %d", highest)
	}
	for s := range 10 {
		b.Unpoll(fmt.Sprintf("session-%d", s)) // a stream of theirs opened there
	}
	for _, n := range []*node{a, b} {
		eventually(t, 12*time.Second, func() error {
			if got := n.Roster().Transports["poll"] - before; got != 0 {
				return fmt.Errorf("%s still counts %d pollers", n.Node(), got)
			}
			return nil
		})
	}
}
