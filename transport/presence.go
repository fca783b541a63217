package transport

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"
)

// Presence is who is online.
type Presence struct {
	Users       int      `json:"users"`       // distinct unionIds
	Connections int      `json:"connections"` // streams and pollers
	Nodes       []string `json:"nodes"`
	Degraded    bool     `json:"degraded"` // this node cannot reach the others
}

// RoomPresence is who is in a room. Joined and Left are unionIds since it was told last, 20 each at most.
type RoomPresence struct {
	Room        string   `json:"room"`
	Users       int      `json:"users"`
	Connections int      `json:"connections"`
	Joined      []string `json:"joined"`
	Left        []string `json:"left"`
}

// UserPresence is where one user is connected.
type UserPresence struct {
	UnionID     string       `json:"unionId"`
	Name        string       `json:"name,omitempty"`
	Connections int          `json:"connections"`
	Transports  map[Kind]int `json:"transports"`
	Nodes       []string     `json:"nodes"`
}

const (
	presenceEvery = 5 * time.Second // at most one presence event in this time
	mostNames     = 20              // of a room event
)

// seen is what a session, or a poller between its polls, was told of presence. Guarded by the hub's mutex.
type seen struct {
	version uint64
	at      time.Time
	rooms   map[string]uint64
}

// Presence returns who is online.
func (h *Hub) Presence() Presence {
	names, degraded := h.opts.Nodes()
	h.mu.RLock()
	defer h.mu.RUnlock()
	return Presence{Users: len(h.roll.users), Connections: len(h.roll.clients), Nodes: names, Degraded: degraded}
}

// Room returns who is in a room.
func (h *Hub) Room(name string) RoomPresence {
	h.mu.RLock()
	defer h.mu.RUnlock()
	m := h.roll.rooms[name]
	if m == nil {
		m = &room{name: name}
	}
	return m.presence()
}

// Users returns who is connected, sorted by unionId.
func (h *Hub) Users() []UserPresence {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.roll.userPresence(h.opts.Node)
}

// Online says whether a user has a connection.
func (h *Hub) Online(unionID string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.roll.users[unionID] > 0
}

func (m *room) presence() RoomPresence {
	return RoomPresence{Room: m.name, Users: len(m.users), Connections: m.connections, Joined: []string{}, Left: []string{}}
}

// news returns what of presence s is to be told now, where told keeps what it knows.
func (r *roll) news(s *Session, told *seen, now time.Time) (list []*event) {
	const slack = 100 * time.Millisecond // of the tick that rings
	r.tell()
	if told.version != r.toldAt && (told.at.IsZero() || r.urgent > told.version || now.Sub(told.at) >= presenceEvery-slack) {
		told.version, told.at = r.toldAt, now
		list = append(list, r.told)
	}
	for _, name := range s.interests.rooms {
		m := r.rooms[name]
		if m == nil {
			continue
		}
		if told.rooms == nil {
			told.rooms = make(map[string]uint64)
		}
		last, known := told.rooms[name]
		if !known {
			told.rooms[name] = m.toldAt
			list = append(list, newEvent("room", "", m.presence()))
		} else if m.told != nil && m.toldAt != last {
			told.rooms[name] = m.toldAt
			list = append(list, m.told)
		}
	}
	return list
}

// tell makes the presence event anew when a count has changed since.
func (r *roll) tell() {
	if r.told != nil && r.toldAt == r.version {
		return
	}
	told := newEvent("presence", "", Presence{
		Users: len(r.users), Connections: len(r.clients), Nodes: r.nodes, Degraded: r.degraded,
	})
	if r.told == nil || string(r.told.data) != string(told.data) {
		r.told, r.toldAt = told, r.version
	}
}

// tellRooms makes the room events of those that changed.
func (r *roll) tellRooms() {
	for _, m := range r.rooms {
		if m.toldAt == m.version {
			continue
		}
		p := m.presence()
		p.Joined = slices.Concat(p.Joined, m.joined[:min(len(m.joined), mostNames)])
		p.Left = slices.Concat(p.Left, m.left[:min(len(m.left), mostNames)])
		m.told, m.toldAt = newEvent("room", "", p), m.version
		m.joined, m.left = nil, nil
	}
}

// tick expires pollers and old messages and tells of presence, until ctx ends.
func (h *Hub) tick(ctx context.Context) {
	defer close(h.finished)
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-ticker.C:
			h.look(n%int(presenceEvery/time.Second) == 0)
		case <-ctx.Done():
			return
		}
	}
}

// look is one tick; tell: it is time to tell of presence.
func (h *Hub) look(tell bool) {
	names, degraded := h.opts.Nodes()
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log.expire(now)
	h.roll.expire(now)
	if h.roll.nodes == nil || degraded != h.roll.degraded || !slices.Equal(names, h.roll.nodes) {
		h.roll.version++
		if degraded != h.roll.degraded { // told at once
			tell, h.roll.urgent = true, h.roll.version
		}
		h.roll.nodes, h.roll.degraded = slices.Clone(names), degraded
	}
	if !tell {
		return
	}
	h.roll.tell()
	h.roll.tellRooms()
	for s := range h.sessions {
		if s.open.Presence {
			s.ring()
		}
	}
}

// byeSpread is over how long n clients are asked to come back, so that a restarted server is not met by all at once.
func byeSpread(n int) time.Duration {
	return min(10*time.Second, time.Second+time.Duration(n)*5*time.Millisecond)
}

// byeSlot is one client's bye with a random place in the spread.
func byeSlot(spread time.Duration) *event {
	retry := 250*time.Millisecond + rand.N(spread) // #nosec G404 -- spreads load, guards nothing
	e := newEvent("bye", "", bye{Reason: "the server is restarting", Retry: retry.Milliseconds()})
	e.retry = retry
	return e
}

// bye is the data of the last event of a stream. Retry is in milliseconds.
type bye struct {
	Reason string `json:"reason"`
	Retry  int64  `json:"retry"`
}
