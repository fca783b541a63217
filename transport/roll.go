package transport

import (
	"container/list"
	"maps"
	"slices"
	"time"
)

// roll counts who is here: streams while they are open, long pollers for a while after their last answer, and a client with
// several of them once. With a roster it only follows this node's clients for it, and tells what was read from it.
// It is a part of the Hub, guarded by its mutex.
type roll struct {
	pollerFor time.Duration
	pollers   int                // most that are idle
	clients   map[string]*client // by session
	idle      *list.List         // of *client: those with no stream and no waiting poll, by when they polled last
	users     map[string]int     // clients by unionId; without a roster
	rooms     map[string]*room

	guests     *guests        // nil without a roster, like all of these
	here       map[string]int // clients by room
	everyone   int            // users on all nodes, when read last
	everywhere int            // connections on all nodes
	readAt     time.Time
	reads      uint64
	unread     bool // somebody waits for what was not read yet

	nodes    []string
	degraded bool
	version  uint64 // rises with every change
	looked   uint64 // the version whose changes the hub has had told
	urgent   uint64 // the version that is to be told at once
	told     *event // the newest presence
	toldAt   uint64 // the version that it came with
	tried    uint64 // the version that it still holds for
}

// client is one browser tab or program.
type client struct {
	id, user, name string
	rooms          []string
	sessions       []*Session
	idle           *list.Element // the place of a poller without a waiting poll
	until          time.Time     // when such a one expires
	seen           seen          // of a poller
	skip           int64         // of a poller's last poll
	standing       *standing     // with a roster
}

func newRoll(o Options) *roll {
	r := &roll{
		pollerFor: o.PollerFor,
		pollers:   o.Pollers,
		clients:   make(map[string]*client),
		idle:      list.New(),
		users:     make(map[string]int),
		rooms:     make(map[string]*room),
		version:   1,
	}
	if o.Roster != nil {
		r.guests, r.here = newGuests(), make(map[string]int)
	}
	return r
}

// enter counts a session that opens.
func (r *roll) enter(s *Session) {
	c := r.clients[s.id]
	if c == nil {
		c = &client{id: s.id}
		r.clients[s.id] = c
		if r.guests == nil {
			r.version++
		}
	}
	s.entered, s.since = r.reads, time.Now()
	if c.idle != nil {
		r.idle.Remove(c.idle)
		c.idle = nil
	}
	c.sessions = append(c.sessions, s)
	r.move(s)
	if r.guests != nil && (s.kind == LongPoll || s.returns) { // it may have polled before, wherever
		r.guests.polled(c)
	}
}

// move takes who and where the client is from a session that opened, joined or left: a stream before a poll, by which a stream asks
// whether it is still fresh.
func (r *roll) move(s *Session) {
	c := r.clients[s.id]
	if c == nil || s.kind == LongPoll && c.kind() != LongPoll {
		return
	}
	before := *c
	c.user, c.name, c.rooms = s.unionID, s.name, s.rooms
	if before.user != c.user {
		r.count(c.user, c.rooms)
		r.uncount(before.user, before.rooms)
	} else if !slices.Equal(before.rooms, c.rooms) { // who stays in a room is no news there
		r.count(c.user, without(c.rooms, before.rooms))
		r.uncount(before.user, without(before.rooms, c.rooms))
	}
	r.follow(c)
}

// follow has the roster told what became of a client.
func (r *roll) follow(c *client) {
	if r.guests != nil {
		r.guests.follow(c)
	}
}

// leave follows a session that ends. A poller stays for a while, or until there are too many.
func (r *roll) leave(s *Session, now time.Time) {
	c := r.clients[s.id]
	if c == nil {
		return
	}
	polling := c.kind() == LongPoll
	defer r.follow(c)
	c.sessions = slices.DeleteFunc(c.sessions, func(other *Session) bool { return other == s })
	answered := s.answered.Load()
	if r.guests != nil && c.kind() == LongPoll && (answered || !polling) && (polling || len(c.sessions) > 0) {
		r.guests.polled(c)
	}
	if len(c.sessions) > 0 {
		return
	}
	if polling {
		if c.until = now.Add(r.pollerFor); !answered { // it came when it had its last answer
			c.until = s.since.Add(r.pollerFor)
		}
		c.idle, c.skip = r.idle.PushBack(c), s.skip
		if r.idle.Len() > r.pollers {
			r.crowdOut(r.idle.Front().Value.(*client))
		}
		return
	}
	r.forget(c)
}

// expire forgets pollers that have not come back.
func (r *roll) expire(now time.Time) {
	for at := r.idle.Front(); at != nil; {
		c := at.Value.(*client)
		at = at.Next()
		if !now.Before(c.until) {
			r.forget(c)
		}
	}
}

// crowdOut forgets a poller before its time, and has the roster forget it.
func (r *roll) crowdOut(c *client) {
	r.forget(c)
	if r.guests != nil {
		r.guests.pollers[c.id] = nil
	}
}

// forget no longer counts a client.
func (r *roll) forget(c *client) {
	if c.idle != nil {
		r.idle.Remove(c.idle)
	}
	r.uncount(c.user, c.rooms)
	delete(r.clients, c.id)
}

// Streaming returns those of the sessions that have a stream.
func (h *Hub) Streaming(sessions []string) (list []string) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, id := range sessions {
		if c := h.roll.clients[id]; c != nil && c.kind() != LongPoll {
			list = append(list, id)
		}
	}
	return list
}

// kind is the transport of a client's newest stream; a client without one polls.
func (c *client) kind() Kind {
	for _, s := range slices.Backward(c.sessions) {
		if s.kind != LongPoll {
			return s.kind
		}
	}
	return LongPoll
}

// totals are what is told: users and connections.
func (r *roll) totals() (users, connections int) {
	if r.guests != nil {
		return r.everyone, r.everywhere
	}
	return len(r.users), len(r.clients)
}

func (r *roll) count(user string, rooms []string) {
	if r.guests != nil {
		r.attend(rooms, 1)
		return
	}
	r.version++
	if user != "" {
		r.users[user]++
	}
	for _, name := range rooms {
		if r.rooms[name] == nil {
			r.rooms[name] = &room{name: name, users: make(map[string]int)}
		}
		r.rooms[name].enter(user, r.version)
	}
}

func (r *roll) uncount(user string, rooms []string) {
	if r.guests != nil {
		r.attend(rooms, -1)
		return
	}
	r.version++
	if user != "" {
		if r.users[user]--; r.users[user] == 0 {
			delete(r.users, user)
		}
	}
	for _, name := range rooms {
		m := r.rooms[name]
		if m.leave(user, r.version); m.connections == 0 {
			delete(r.rooms, name)
		}
	}
}

// userPresence lists the clients by user, sorted by unionId as text.
func (r *roll) userPresence(node string) []UserPresence {
	by := make(map[string]*UserPresence, len(r.users))
	for _, c := range r.clients {
		if c.user == "" {
			continue
		}
		u := by[c.user]
		if u == nil {
			u = &UserPresence{UnionID: c.user, Name: c.name, Transports: make(map[Kind]int), Nodes: []string{node}}
			by[c.user] = u
		}
		u.Connections++
		u.Transports[c.kind()]++
	}
	list := make([]UserPresence, 0, len(by))
	for _, user := range slices.Sorted(maps.Keys(by)) {
		list = append(list, *by[user])
	}
	return list
}
