package transport

import (
	"context"
	"maps"
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
	presenceEvery = 5 * time.Second // at most one presence event, and one event of each room, in this time
	mostNames     = 20              // of a room event
	lookEvery     = time.Second     // how late a change, or the end of a poller, may be noticed
)

// seen is what a session, or a poller between its polls, was told of presence. Guarded by the hub's mutex.
type seen struct {
	looked  uint64 // the version of the roll that was looked at last
	version uint64 // that of the presence event
	at      time.Time
	rooms   map[string]roomSeen
}

type roomSeen struct {
	version uint64
	at      time.Time
}

// Presence returns who is online.
func (h *Hub) Presence() Presence {
	p := Presence{}
	p.Nodes, p.Degraded = h.opts.Nodes()
	if h.opts.Roster != nil {
		p.Users, p.Connections = h.opts.Roster.Census().Totals()
		return p
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	p.Users, p.Connections = h.roll.totals()
	return p
}

// Room returns who is in a room.
func (h *Hub) Room(name string) RoomPresence {
	if h.opts.Roster != nil {
		m := &room{name: name}
		m.connections, m.users = h.opts.Roster.Census().Room(name)
		return m.presence()
	}
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
	if h.opts.Roster != nil {
		return h.opts.Roster.Census().Users()
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.roll.userPresence(h.opts.Node)
}

// Clients counts those of this node by transport, each once: streams, and pollers whom it answered last as far as it knows.
func (h *Hub) Clients() map[Kind]int {
	counts := make(map[Kind]int, len(Kinds))
	for _, kind := range Kinds {
		counts[kind] = 0
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, c := range h.roll.clients {
		counts[c.kind()]++
	}
	return counts
}

// Online returns those of the users who have a connection. With a roster it may wait for the cluster, until ctx ends.
func (h *Hub) Online(ctx context.Context, users []string) (online []string) {
	if h.opts.Roster != nil {
		return h.opts.Roster.Online(ctx, users)
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, user := range users {
		if h.roll.users[user] > 0 {
			online = append(online, user)
		}
	}
	return online
}

// news returns what of presence s is to be told now, where told keeps what it knows; and when to ask again for what it is too early for.
func (r *roll) news(s *Session, told *seen, now time.Time) (list []*event, again time.Time) {
	if r.awaits(s, told) {
		return nil, now.Add(readSoonest)
	}
	r.tell()
	told.looked = r.version
	if told.version != r.toldAt {
		if due := told.at.Add(presenceEvery); told.version >= r.urgent && now.Before(due) {
			again = due
		} else {
			told.version, told.at = r.toldAt, now
			list = append(list, r.told)
		}
	}
	maps.DeleteFunc(told.rooms, func(name string, _ roomSeen) bool { return !slices.Contains(s.rooms, name) }) // a poller asks for others
	for _, name := range s.rooms {
		m := r.rooms[name]
		if m == nil || m.version == told.rooms[name].version {
			continue
		}
		last, known := told.rooms[name]
		if due := last.at.Add(presenceEvery); now.Before(due) {
			again = earlier(again, due)
			continue
		}
		if told.rooms == nil {
			told.rooms = make(map[string]roomSeen)
		}
		told.rooms[name] = roomSeen{m.version, now}
		p := m.presence()
		if known {
			p.Joined, p.Left = m.since(last.version)
		}
		list = append(list, newEvent("room", "", p))
	}
	return list, again
}

// pressing says whether a poll is to be answered because the node lost the others or has them again. Who has not polled here before
// may know how the node stands, unless it is alone.
func (r *roll) pressing(s *Session) bool {
	if s.kind != LongPoll || !s.presence {
		return false
	}
	c := r.clients[s.id]
	return c != nil && c.seen.version < r.urgent && (r.degraded || c.seen.version != 0)
}

// tell makes the presence event anew when a count has changed since.
func (r *roll) tell() {
	if r.told != nil && r.tried == r.version {
		return
	}
	r.tried = r.version
	users, connections := r.totals()
	told := newEvent("presence", "", Presence{Users: users, Connections: connections, Nodes: r.nodes, Degraded: r.degraded})
	if r.told == nil || string(r.told.data) != string(told.data) {
		r.told, r.toldAt = told, r.version
	}
}

// tick reports and looks, again and again until ctx ends.
func (h *Hub) tick(ctx context.Context) {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			h.expire()
		case <-h.bell: // with a roster at every poll that comes or goes: too often to go through all pollers
		case <-ctx.Done():
			return
		}
		h.report()
		h.look()
	}
}

// expire forgets pollers that have not come back and old messages.
func (h *Hub) expire() {
	now := time.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settle()
	h.log.expire(now)
	h.roll.expire(now)
}

// look has changes of presence told.
func (h *Hub) look() {
	names, degraded := h.opts.Nodes()
	now := time.Now()
	every := lookEvery
	h.mu.RLock()
	if degraded != h.roll.degraded {
		every = 0
	}
	h.mu.RUnlock()
	h.recount(every)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.roll.degraded && !degraded {
		h.log.rejoin()
	}
	h.roll.place(names, degraded)
	if h.roll.looked == h.roll.version {
		return
	}
	h.roll.looked = h.roll.version
	for _, sh := range h.shards {
		sh.mu.Lock()
		for _, s := range sh.sessions {
			if h.concerns(s, now) {
				sh.note(s)
			}
		}
		sh.mu.Unlock()
		sh.ring()
	}
}

// concerns says whether a session is to be told of presence now. Where it is too early for that, the hub looks again.
func (h *Hub) concerns(s *Session, now time.Time) bool {
	switch {
	case h.roll.pressing(s):
		return true
	case !s.presence || s.kind == LongPoll:
		return false
	case len(s.rooms) == 0 && h.roll.urgent <= s.seen.version && now.Before(s.seen.at.Add(presenceEvery)):
		h.roll.looked = 0
		return false
	}
	return true
}

// place takes which nodes there are, and whether this one cannot reach the others.
func (r *roll) place(nodes []string, degraded bool) {
	if r.nodes != nil && degraded == r.degraded && slices.Equal(nodes, r.nodes) {
		return
	}
	r.version++
	if degraded != r.degraded { // told at once
		r.urgent = r.version
	}
	r.nodes, r.degraded = slices.Clone(nodes), degraded
}
