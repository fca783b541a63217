package transport

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// presences are the presence and room events on the tape since asked last, in words.
func (w *tape) presences() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range w.all {
		var p struct {
			Room         string
			Users        int
			Connections  int
			Nodes        []string
			Degraded     bool
			Joined, Left []string
		}
		at := strings.Fields(w.lines[i])[0]
		switch err := json.Unmarshal(e.data, &p); {
		case err != nil:
			list = append(list, err.Error())
		case e.name == "presence":
			list = append(list, fmt.Sprintf("%s: %d users %d connections %v %v", at, p.Users, p.Connections, p.Nodes, p.Degraded))
		case e.name == "room":
			list = append(list, fmt.Sprintf("%s: %s %d users %d connections +%v -%v", at, p.Room, p.Users, p.Connections, p.Joined, p.Left))
		}
	}
	w.lines, w.all = nil, nil
	return list
}

func TestPresenceAtMostEvery5s(t *testing.T) {
	inBubble(t, Options{Node: "n"}, func(t *testing.T, h *Hub) {
		w := &tape{}
		streaming(t, open(t, h, Opening{UnionID: "1", Presence: true, Topics: []string{"cpu"}}), w)
		time.Sleep(time.Second / 2)
		for i := range int64(12) { // comings at every second, readings too
			if i < 8 {
				open(t, h, Opening{UnionID: fmt.Sprint(i % 4)})
			}
			put(h, "cpu", i+1)
			time.Sleep(time.Second)
		}
		equal(t, "told", w.presences(), []string{
			"0s: 1 users 1 connections [n] false",
			"5s: 4 users 6 connections [n] false",
			"10s: 4 users 9 connections [n] false",
		})
		time.Sleep(time.Minute)
		equal(t, "nothing changed", w.presences(), nil)
	})
}

func TestPresenceOnASilentStream(t *testing.T) {
	inBubble(t, Options{Node: "n"}, func(t *testing.T, h *Hub) {
		w := &tape{}
		streaming(t, open(t, h, Opening{Presence: true}), w)
		time.Sleep(2500 * time.Millisecond)
		open(t, h, Opening{})
		time.Sleep(10 * time.Second)
		equal(t, "told", w.presences(), []string{"0s: 0 users 1 connections [n] false", "5s: 0 users 2 connections [n] false"})
		open(t, h, Opening{})
		time.Sleep(time.Second)
		equal(t, "after a while", w.presences(), []string{"13s: 0 users 3 connections [n] false"})
	})
}

func TestPresenceDegradedAtOnce(t *testing.T) {
	var degraded atomic.Bool
	nodes := func() ([]string, bool) { return []string{"a", "b"}, degraded.Load() }
	inBubble(t, Options{Nodes: nodes}, func(t *testing.T, h *Hub) {
		w := &tape{}
		streaming(t, open(t, h, Opening{Presence: true}), w)
		streaming(t, open(t, h, Opening{}), &tape{}) // did not ask
		time.Sleep(1500 * time.Millisecond)
		degraded.Store(true)
		time.Sleep(time.Second)
		degraded.Store(false)
		time.Sleep(time.Second)
		equal(t, "told", w.presences(), []string{
			"0s: 0 users 1 connections [a b] false",
			"2s: 0 users 2 connections [a b] true",
			"3s: 0 users 2 connections [a b] false",
		})
	})
}

func TestRoomEvents(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		w := &tape{}
		streaming(t, open(t, h, Opening{UnionID: "1", Rooms: []string{"r"}, Presence: true}), w)
		time.Sleep(500 * time.Millisecond)
		two := open(t, h, Opening{UnionID: "2", Rooms: []string{"r"}})
		open(t, h, Opening{UnionID: "3", Rooms: []string{"r"}})
		time.Sleep(6 * time.Second)
		rooms := func() (list []string) {
			for _, line := range w.presences() {
				if strings.Contains(line, ": r ") {
					list = append(list, line)
				}
			}
			return list
		}
		equal(t, "joined", rooms(), []string{
			"0s: r 1 users 1 connections +[] -[]", "5s: r 3 users 3 connections +[2 3] -[]",
		})
		again := open(t, h, Opening{UnionID: "3", Rooms: []string{"r"}})
		two.Close()
		time.Sleep(5 * time.Second)
		equal(t, "left", rooms(), []string{"10s: r 2 users 3 connections +[] -[2]"})
		again.Close()
		five := open(t, h, Opening{UnionID: "5", Rooms: []string{"r"}})
		five.Close()
		time.Sleep(5 * time.Second)
		equal(t, "one who came and went", rooms(), []string{"15s: r 2 users 2 connections +[] -[]"})
		for i := range 30 {
			open(t, h, Opening{UnionID: fmt.Sprint(100 + i), Rooms: []string{"r"}})
		}
		time.Sleep(5 * time.Second)
		got := rooms()
		if len(got) != 1 || len(strings.Fields(got[0])) != 6+20+1 {
			t.Errorf("30 came: %v; want one event that names 20", got)
		}
	})
}

func TestRoomsFollowJoinAndLeave(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{UnionID: "1", Rooms: []string{"q"}})
		h.mu.Lock()
		s.change(Reply{Join: []string{"r", "r"}, Leave: []string{"nowhere"}})
		h.mu.Unlock()
		for room, want := range map[string]int{"q": 1, "r": 1, "s": 0} {
			if p := h.Room(room); p.Room != room || p.Users != want || p.Connections != want || p.Joined == nil || p.Left == nil {
				t.Errorf("Room(%s) = %+v; want %d here", room, p, want)
			}
		}
		s.Close()
		if len(h.roll.rooms)+len(h.roll.users)+len(h.roll.clients) > 0 {
			t.Errorf("left behind: %d rooms, %d users, %d clients", len(h.roll.rooms), len(h.roll.users), len(h.roll.clients))
		}
	})
}

// TestLeftRoomsAreForgotten: what a client was told of a room goes with the room, for streams that leave it and pollers that no longer ask.
func TestLeftRoomsAreForgotten(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		s := open(t, h, Opening{UnionID: "1", Rooms: []string{"stays"}, Presence: true})
		w := &tape{}
		streaming(t, s, w)
		for i := range 100 {
			room := fmt.Sprint("r", i)
			for _, change := range []Reply{{Join: []string{room}}, {Leave: []string{room}}} {
				h.mu.Lock()
				s.change(change)
				h.mu.Unlock()
				time.Sleep(1500 * time.Millisecond)
			}
			poller, err := h.open(Opening{Session: "p", Rooms: []string{room}, Presence: true}, LongPoll)
			if err != nil {
				t.Fatal(err)
			}
			h.pollerNews(poller)
			poller.Close()
		}
		if told := len(w.presences()); told < 100 {
			t.Errorf("told %d times; want of each room", told)
		}
		h.mu.RLock()
		defer h.mu.RUnlock()
		if stream, poller := len(s.seen.rooms), len(h.roll.clients["p"].seen.rooms); stream != 1 || poller != 1 {
			t.Errorf("%d rooms are remembered of a stream, %d of a poller; want one each", stream, poller)
		}
	})
}

func TestPollersCountFor30s(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, h *Hub) {
		poll := func() {
			s, err := h.open(Opening{Session: "p", UnionID: "7", Rooms: []string{"r"}}, LongPoll)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		here := func(at string, want int) {
			t.Helper()
			p := h.Presence()
			if p.Users != want || p.Connections != want || h.Room("r").Connections != want || (len(h.Online(t.Context(), []string{"7"})) == 1) != (want > 0) || len(h.Users()) != want {
				t.Errorf("%s: %+v, room %+v; want %d", at, p, h.Room("r"), want)
			}
		}
		here("before", 0)
		poll()
		time.Sleep(29 * time.Second)
		here("after 29 s", 1)
		poll()
		time.Sleep(29 * time.Second)
		here("after another", 1)
		time.Sleep(2 * time.Second)
		here("after 31 s", 0)
		poll()
		s := open(t, h, Opening{Session: "p", UnionID: "7", Rooms: []string{"r"}})
		time.Sleep(time.Minute)
		here("as a stream", 1)
		poll() // asks whether the stream is still fresh
		here("as a stream that asks", 1)
		if u := h.Users()[0]; u.Transports[WebSocket] != 1 || u.Transports[LongPoll] != 0 || u.Connections != 1 {
			t.Errorf("Users = %+v; want one WebSocket", u)
		}
		s.Close()
		here("gone", 0)
	})
}

// TestPollersAreBounded: names that come once each are forgotten as newer ones come, and who polls on stays.
func TestPollersAreBounded(t *testing.T) {
	inBubble(t, Options{Pollers: 10}, func(t *testing.T, h *Hub) {
		poll := func(name string) {
			s, err := h.open(Opening{Session: name, UnionID: "7" + name, Rooms: []string{"r" + name}}, LongPoll)
			if err != nil {
				t.Fatal(err)
			}
			s.Close()
		}
		waiting, err := h.open(Opening{Session: "w", UnionID: "8"}, LongPoll)
		if err != nil {
			t.Fatal(err)
		}
		poll("0")
		for i := range 100 {
			time.Sleep(time.Millisecond)
			poll(fmt.Sprint(i + 1))
			poll("0")
		}
		h.mu.RLock()
		clients, idle, users, rooms := len(h.roll.clients), h.roll.idle.Len(), len(h.roll.users), len(h.roll.rooms)
		h.mu.RUnlock()
		if clients != 11 || idle != 10 || users != 11 || rooms != 10 {
			t.Errorf("%d clients, %d idle, %d users, %d rooms; want the waiting one and 10", clients, idle, users, rooms)
		}
		for user, want := range map[string]bool{"70": true, "71": false, "791": false, "792": true, "7100": true, "8": true} {
			if (len(h.Online(t.Context(), []string{user})) == 1) != want {
				t.Errorf("Online(%s) = %v; want %v", user, !want, want)
			}
		}
		waiting.Close()
		time.Sleep(31 * time.Second)
		if p := h.Presence(); p.Connections != 0 || h.roll.idle.Len() != 0 {
			t.Errorf("after 31 s: %+v; want nobody", p)
		}
	})
}

func TestUsers(t *testing.T) {
	inBubble(t, Options{Node: "n"}, func(t *testing.T, h *Hub) {
		open(t, h, Opening{UnionID: "7", Name: "Ann"})
		open(t, h, Opening{UnionID: "7", Name: "Ann"})
		open(t, h, Opening{UnionID: "12"})
		open(t, h, Opening{})
		list := h.Users()
		if len(list) != 2 || list[0].UnionID != "12" || list[1].Name != "Ann" || list[1].Connections != 2 || fmt.Sprint(list[1].Nodes) != "[n]" {
			t.Errorf("Users = %+v; want 12 and 7", list)
		}
		if p := h.Presence(); p.Users != 2 || p.Connections != 4 {
			t.Errorf("Presence = %+v; want 2 users, 4 connections", p)
		}
		synctest.Wait()
	})
}
