package transport

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// town is who is online on several nodes, known to all of them at once.
type town struct {
	mu      sync.Mutex
	hubs    []*Hub
	entries map[string]map[string]Entry // by node and user
	pollers map[string]poller           // by session
	calls   []string
	read    int
}

type poller struct {
	Entry
	node  string
	until time.Time
}

func newTown() *town {
	return &town{entries: make(map[string]map[string]Entry), pollers: make(map[string]poller)}
}

// settle opens a hub of the town.
func (w *town) settle(t testing.TB, opts Options) *Hub {
	opts.Roster = member{w, opts.Node}
	h := newTestHub(t, opts)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hubs = append(w.hubs, h)
	return h
}

func (w *town) change(call string, f func()) {
	w.mu.Lock()
	f()
	w.calls = append(w.calls, call)
	hubs := w.hubs
	w.mu.Unlock()
	for _, h := range hubs {
		h.Changed()
	}
}

// told returns the calls since asked last.
func (w *town) told() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := w.calls
	w.calls = nil
	return calls
}

// member is the town as a node knows it.
type member struct {
	*town
	node string
}

func (m member) Enter(e Entry) {
	m.change(fmt.Sprintf("%s enter %s%s %v %v", m.node, e.User, e.Name, e.Streams, e.Rooms), func() {
		if m.entries[m.node] == nil {
			m.entries[m.node] = make(map[string]Entry)
		}
		m.entries[m.node][e.User] = e
	})
}

func (m member) Poll(session string, e Entry, stays time.Duration) {
	m.change(fmt.Sprintf("%s poll %s %s %v %v", m.node, session, e.User, e.Rooms, stays), func() {
		m.pollers[session] = poller{e, m.node, time.Now().Add(stays)}
	})
}

func (m member) Unpoll(session string) {
	m.change(m.node+" unpoll "+session, func() { delete(m.pollers, session) })
}

func (m member) Online(_ context.Context, users []string) []string {
	list := m.Census().Users()
	return slices.DeleteFunc(slices.Clone(users), func(user string) bool {
		return !slices.ContainsFunc(list, func(u UserPresence) bool { return u.UnionID == user })
	})
}

func (m member) Census() Census {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read++
	c := census{users: make(map[string]*UserPresence), rooms: make(map[string]map[string]int), inRooms: make(map[string]int)}
	for node, entries := range m.entries {
		for _, e := range entries {
			c.add(node, e)
		}
	}
	for _, p := range m.pollers {
		if time.Now().Before(p.until) {
			c.add(p.node, p.Entry)
		}
	}
	return c
}

type census struct {
	users       map[string]*UserPresence
	connections int
	rooms       map[string]map[string]int
	inRooms     map[string]int
}

func (c *census) add(node string, e Entry) {
	for kind, n := range e.Streams {
		c.connections += n
		if e.User == "" {
			continue
		}
		if c.users[e.User] == nil {
			c.users[e.User] = &UserPresence{UnionID: e.User, Transports: make(map[Kind]int)}
		}
		u := c.users[e.User]
		u.Name = e.Name
		u.Connections += n
		u.Transports[Kind(kind)] += n
		if !slices.Contains(u.Nodes, node) {
			u.Nodes = append(u.Nodes, node)
		}
	}
	for room, n := range e.Rooms {
		if c.rooms[room] == nil {
			c.rooms[room] = make(map[string]int)
		}
		c.inRooms[room] += n
		if e.User != "" {
			c.rooms[room][e.User] += n
		}
	}
}

func (c census) Totals() (users, connections int)       { return len(c.users), c.connections }
func (c census) Room(name string) (int, map[string]int) { return c.inRooms[name], c.rooms[name] }

func (c census) Users() (list []UserPresence) {
	for _, user := range slices.Sorted(maps.Keys(c.users)) {
		list = append(list, *c.users[user])
	}
	return list
}
