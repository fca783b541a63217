package transport

import (
	"maps"
	"slices"
	"time"
)

// roll counts who is here: streams while they are open, long pollers for a while after their last answer, and a client with
// several of them once. It is a part of the Hub, guarded by its mutex.
type roll struct {
	pollerFor time.Duration
	clients   map[string]*client   // by session
	idle      map[*client]struct{} // those with no stream and no waiting poll
	users     map[string]int       // clients by unionId
	rooms     map[string]*room

	nodes    []string
	degraded bool
	version  uint64 // changes with every count
	urgent   uint64 // the version that is to be told at once
	told     *event // the presence as last told
	toldAt   uint64 // its version
}

// client is one browser tab or program.
type client struct {
	id, user, name string
	rooms          []string
	sessions       []*Session
	until          time.Time // of a poller without a waiting poll
	seen           seen      // of a poller
}

// room is who is in a room.
type room struct {
	name         string
	connections  int
	users        map[string]int
	version      uint64
	joined, left []string // unionIds since it was told last
	told         *event
	toldAt       uint64
}

func newRoll(pollerFor time.Duration) *roll {
	return &roll{
		pollerFor: pollerFor,
		clients:   make(map[string]*client),
		idle:      make(map[*client]struct{}),
		users:     make(map[string]int),
		rooms:     make(map[string]*room),
		version:   1,
	}
}

// enter counts a session that opens.
func (r *roll) enter(s *Session) {
	c := r.clients[s.id]
	if c == nil {
		c = &client{id: s.id}
		r.clients[s.id] = c
	} else {
		r.uncount(c)
	}
	delete(r.idle, c)
	c.sessions = append(c.sessions, s)
	r.describe(c, s)
	r.count(c)
}

// describe takes who and where the client is from its newest session, a stream before a poll.
func (r *roll) describe(c *client, s *Session) {
	if s.kind == LongPoll && c.kind() != LongPoll {
		return // a stream asks by a poll whether it is still fresh
	}
	c.user, c.name, c.rooms = s.open.UnionID, s.open.Name, s.interests.rooms
}

// move follows a session that joined or left rooms.
func (r *roll) move(s *Session) {
	if c := r.clients[s.id]; c != nil {
		r.uncount(c)
		r.describe(c, s)
		r.count(c)
	}
}

// leave follows a session that ends. A poller stays for a while.
func (r *roll) leave(s *Session, now time.Time) {
	c := r.clients[s.id]
	if c == nil {
		return
	}
	polling := c.kind() == LongPoll
	c.sessions = slices.DeleteFunc(c.sessions, func(other *Session) bool { return other == s })
	if len(c.sessions) > 0 {
		return
	}
	if polling {
		c.until = now.Add(r.pollerFor)
		r.idle[c] = struct{}{}
		return
	}
	r.uncount(c)
	delete(r.clients, c.id)
}

// expire forgets pollers that have not come back.
func (r *roll) expire(now time.Time) {
	for c := range r.idle {
		if !now.Before(c.until) {
			r.uncount(c)
			delete(r.idle, c)
			delete(r.clients, c.id)
		}
	}
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

func (r *roll) count(c *client) {
	r.version++
	if c.user != "" {
		r.users[c.user]++
	}
	for _, name := range c.rooms {
		m := r.rooms[name]
		if m == nil {
			m = &room{name: name, users: make(map[string]int)}
			r.rooms[name] = m
		}
		m.enter(c.user, r.version)
	}
}

func (r *roll) uncount(c *client) {
	r.version++
	if c.user != "" {
		if r.users[c.user]--; r.users[c.user] == 0 {
			delete(r.users, c.user)
		}
	}
	for _, name := range c.rooms {
		m := r.rooms[name]
		if m.leave(c.user, r.version); m.connections == 0 {
			delete(r.rooms, name)
		}
	}
}

func (m *room) enter(user string, version uint64) {
	m.version = version
	m.connections++
	if user == "" {
		return
	}
	if m.users[user]++; m.users[user] == 1 {
		m.joined, m.left = moved(m.joined, m.left, user)
	}
}

func (m *room) leave(user string, version uint64) {
	m.version = version
	m.connections--
	if user == "" {
		return
	}
	if m.users[user]--; m.users[user] == 0 {
		delete(m.users, user)
		m.left, m.joined = moved(m.left, m.joined, user)
	}
}

// moved notes that user went one way; one who had gone the other way since it was told is back where it was.
func moved(to, from []string, user string) (newTo, newFrom []string) {
	if i := slices.Index(from, user); i >= 0 {
		return to, slices.Delete(from, i, i+1)
	}
	return append(to, user), from
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
