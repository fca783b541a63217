package transport

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// admit opens a session as the transports do.
func admit(t testing.TB, h *Hub, o Opening, kind Kind) *Session {
	t.Helper()
	s, err := h.admit(t.Context(), o, kind)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestRosterIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown()
		h := w.settle(t, Options{Node: "n"})
		a := admit(t, h, Opening{UnionID: "7", Name: "Ann", Rooms: []string{"r"}}, WebSocket)
		equal(t, "a stream", w.told(), []string{"n enter 7Ann map[websocket:1] map[r:1]"})
		b := admit(t, h, Opening{UnionID: "7", Session: "tab"}, SSE)
		equal(t, "with a session", w.told(), []string{"n enter 7Ann map[sse:1 websocket:1] map[r:1]", "n unpoll tab"})
		h.mu.Lock()
		b.change(Reply{Join: []string{"r", "q"}})
		h.mu.Unlock()
		equal(t, "joined", w.told(), []string{"n enter 7Ann map[sse:1 websocket:1] map[q:1 r:2]"})
		check := admit(t, h, Opening{UnionID: "7", Session: "tab"}, LongPoll)
		check.Close()
		equal(t, "a stream that asks whether it is fresh", w.told(), []string{"n unpoll tab"})
		a.Close()
		b.Close()
		equal(t, "gone", w.told(), []string{"n enter 7 map[] map[]"})
		p := admit(t, h, Opening{UnionID: "8", Session: "p", Rooms: []string{"r"}}, LongPoll)
		equal(t, "a poll", w.told(), []string{"n poll p 8 map[r:1] 30s"})
		time.Sleep(20 * time.Second)
		p.answered.Store(true)
		p.Close()
		equal(t, "its answer", w.told(), []string{"n poll p 8 map[r:1] 30s"})
		time.Sleep(time.Minute)
		equal(t, "it does not come back", w.told(), nil)
		p = admit(t, h, Opening{UnionID: "8", Session: "p"}, LongPoll)
		equal(t, "a poll again", w.told(), []string{"n poll p 8 map[] 30s"})
		time.Sleep(20 * time.Second)
		p.Close()
		time.Sleep(9 * time.Second)
		h.mu.Lock()
		counted := len(h.roll.clients)
		h.mu.Unlock()
		wants(t, "cut off, counted still", fmt.Sprint(counted), "1")
		time.Sleep(2 * time.Second)
		equal(t, "cut off", w.told(), nil)
		var all []*Session
		for range 100 {
			all = append(all, admit(t, h, Opening{}, WebSocket))
		}
		calls := w.told()
		wants(t, "those of nobody in particular", calls[len(calls)-1], "n enter  map[websocket:100] map[]")
		for _, s := range all {
			s.Close()
		}
		h.Close()
		calls = w.told()
		wants(t, "closed", calls[len(calls)-1], "n enter  map[] map[]")
		if n := len(h.roll.guests.entries) + len(h.roll.here) + len(h.roll.rooms) + len(h.roll.clients); n != 0 {
			t.Errorf("%d things left in the roll", n)
		}
	})
}

// TestRosterCountsAllNodes: what is asked of one hub is answered for all.
func TestRosterCountsAllNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown()
		a, b := w.settle(t, Options{Node: "a"}), w.settle(t, Options{Node: "b"})
		admit(t, a, Opening{UnionID: "7", Rooms: []string{"r"}}, WebSocket)
		admit(t, b, Opening{UnionID: "7", Rooms: []string{"r"}}, SSE)
		admit(t, b, Opening{UnionID: "8", Rooms: []string{"q"}}, SSE)
		synctest.Wait()
		for _, h := range []*Hub{a, b} {
			p, r := h.Presence(), h.Room("r")
			got := fmt.Sprint(p.Users, p.Connections, r.Users, r.Connections, h.Room("none").Connections, len(h.Users()), h.Online(t.Context(), []string{"9", "8"}))
			wants(t, "counts", got, "2 3 1 2 0 2 [8]")
		}
		for range 40 { // a poller whose polls reach another node each time
			for _, h := range []*Hub{a, b} {
				s := admit(t, h, Opening{UnionID: "9", Session: "p"}, LongPoll)
				time.Sleep(time.Second)
				s.Close()
				synctest.Wait()
				if p := h.Presence(); p.Users != 3 || p.Connections != 4 {
					t.Fatalf("with a poller: %+v; want 3 users, 4 connections", p)
				}
			}
		}
		s := admit(t, a, Opening{UnionID: "9", Session: "p"}, WebSocket)
		synctest.Wait()
		if p := b.Presence(); p.Users != 3 || p.Connections != 4 {
			t.Errorf("the poller has a stream: %+v; want 3 users, 4 connections", p)
		}
		s.Close()
		synctest.Wait()
		if p := b.Presence(); p.Users != 2 || p.Connections != 3 {
			t.Errorf("its stream has ended: %+v; want 2 users, 3 connections", p)
		}
	})
}

// TestRosterIsToldOf: streams hear of what happens on other nodes, at most every 5 s.
func TestRosterIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, tape := newTown(), &tape{}
		a, b := w.settle(t, Options{Node: "a"}), w.settle(t, Options{Node: "b"})
		time.Sleep(1300 * time.Millisecond) // not when the hubs look
		streaming(t, admit(t, a, Opening{UnionID: "1", Rooms: []string{"r"}, Presence: true}, WebSocket), tape)
		equal(t, "at first", tape.presences(), []string{"0s: 1 users 1 connections [a] false", "0s: r 1 users 1 connections +[] -[]"})
		time.Sleep(1500 * time.Millisecond)
		two := admit(t, b, Opening{UnionID: "2", Rooms: []string{"r"}}, WebSocket)
		for i := range 30 {
			admit(t, b, Opening{UnionID: fmt.Sprint(100 + i), Rooms: []string{"elsewhere"}}, WebSocket)
		}
		time.Sleep(6 * time.Second)
		equal(t, "came", tape.presences(), []string{"5s: 32 users 32 connections [a] false", "5s: r 2 users 2 connections +[2] -[]"})
		two.Close()
		for i := range 30 {
			admit(t, b, Opening{UnionID: fmt.Sprint(200 + i), Rooms: []string{"r"}}, WebSocket)
		}
		time.Sleep(5 * time.Second)
		rooms := tape.presences()
		if len(rooms) != 2 || !strings.Contains(rooms[1], "r 31 users 31 connections +[200 201") || !strings.HasSuffix(rooms[1], "-[2]") ||
			len(strings.Fields(rooms[1])) != 6+20+1 {
			t.Errorf("30 came and one left: %v; want an event that names 20", rooms)
		}
		time.Sleep(time.Minute)
		equal(t, "nothing changed", tape.presences(), nil)
	})
}

func TestRosterAfterJoining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, tape := newTown(), &tape{}
		a, b := w.settle(t, Options{Node: "a"}), w.settle(t, Options{Node: "b"})
		admit(t, b, Opening{UnionID: "2", Rooms: []string{"r"}}, WebSocket)
		s := admit(t, a, Opening{UnionID: "1", Presence: true}, WebSocket)
		streaming(t, s, tape)
		time.Sleep(2500 * time.Millisecond)
		_ = tape.presences()
		if err := s.answer(t.Context(), "1", Reply{Join: []string{"r"}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		got := tape.presences()
		equal(t, "joined", got[len(got)-1:], []string{"2.5s: r 2 users 2 connections +[] -[]"})
	})
}

// TestRosterIsReadSeldom: however much happens, who is online is counted at most four times a second.
func TestRosterIsReadSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown()
		h := w.settle(t, Options{Node: "a"})
		for i := range 500 {
			admit(t, h, Opening{UnionID: fmt.Sprint(i), Rooms: []string{"r"}, Presence: true}, WebSocket)
			time.Sleep(2 * time.Millisecond)
		}
		admit(t, h, Opening{UnionID: "500", Presence: true}, WebSocket)
		tape := &tape{}
		streaming(t, admit(t, h, Opening{UnionID: "501", Presence: true}, WebSocket), tape)
		equal(t, "too early", tape.presences(), nil)
		time.Sleep(1300 * time.Millisecond)
		got := tape.presences()
		if len(got) != 1 || !strings.Contains(got[0], "502 users 502 connections") {
			t.Errorf("told %v; want all, a second later", got)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.read > 8 {
			t.Errorf("read %d times in a second; want 6 or so", w.read)
		}
	})
}

func TestRosterDegradedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, tape := newTown(), &tape{}
		var mu sync.Mutex
		alone := false
		nodes := func() ([]string, bool) { mu.Lock(); defer mu.Unlock(); return []string{"a"}, alone }
		h := w.settle(t, Options{Node: "a", Nodes: nodes})
		time.Sleep(1300 * time.Millisecond)
		streaming(t, admit(t, h, Opening{Presence: true}, WebSocket), tape)
		time.Sleep(1100 * time.Millisecond)
		mu.Lock()
		alone = true
		mu.Unlock()
		h.Changed()
		synctest.Wait()
		equal(t, "told", tape.presences(), []string{"0s: 0 users 1 connections [a] false", "1.1s: 0 users 1 connections [a] true"})
	})
}

// TestRosterForgetsCrowdedPollers: those that a hub forgets for newer ones do not stay in the roster either.
func TestRosterForgetsCrowdedPollers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTown()
		h := w.settle(t, Options{Node: "n", Pollers: 2})
		for _, name := range []string{"a", "b", "a", "c"} {
			admit(t, h, Opening{Session: name, Rooms: []string{"r" + name}}, LongPoll).Close()
			time.Sleep(time.Millisecond)
		}
		if calls := w.told(); !slices.Contains(calls, "n unpoll b") || slices.Contains(calls, "n unpoll a") {
			t.Errorf("told %q; want that b has gone, who polled longest ago", calls)
		}
		wants(t, "stay", fmt.Sprint(h.Presence().Connections, h.Room("ra").Connections, h.Room("rb").Connections), "2 1 0")
		if n := len(h.roll.clients) + len(h.roll.here); n != 4 {
			t.Errorf("%d clients and rooms are known here; want 2 of each", n)
		}
	})
}
