package cluster

import (
	"maps"
	"slices"
	"time"
)

// Entry is what one user has on one node.
type Entry struct {
	User    string         // unionId; empty for all together who gave none
	Name    string         // what to call the user
	Streams map[string]int // by transport
	Rooms   map[string]int // how many of the streams are in each room
}

// Roster is who is online at one moment.
type Roster struct {
	Users       map[string]*User          // by unionId
	Connections int                       // those of nobody in particular included
	Transports  map[string]int            // connections by transport
	Nodes       map[string]map[string]int // connections by node and transport; pollers count where they were answered last
	Rooms       map[string]*Room
}

// User is where one user is connected.
type User struct {
	ID          string
	Name        string
	Connections int
	Transports  map[string]int
	Nodes       []string // sorted
}

// Room is who is in a room.
type Room struct {
	Connections int
	Users       map[string]int // connections by unionId
}

func newRoster() *Roster {
	return &Roster{
		Users:      make(map[string]*User),
		Transports: make(map[string]int),
		Nodes:      make(map[string]map[string]int),
		Rooms:      make(map[string]*Room),
	}
}

// add counts what a user has on a node. An empty node is one that does not live any more.
func (r *Roster) add(node string, e Entry) {
	total := 0
	for transport, n := range e.Streams {
		total += n
		r.Transports[transport] += n
		if node != "" {
			r.at(node)[transport] += n
		}
	}
	r.Connections += total
	for name, n := range e.Rooms {
		room := r.Rooms[name]
		if room == nil {
			room = &Room{Users: make(map[string]int)}
			r.Rooms[name] = room
		}
		room.Connections += n
		if e.User != "" {
			room.Users[e.User] += n
		}
	}
	if e.User != "" && total > 0 {
		r.user(node, e, total)
	}
}

// at is what there is on a node.
func (r *Roster) at(node string) map[string]int {
	if r.Nodes[node] == nil {
		r.Nodes[node] = make(map[string]int)
	}
	return r.Nodes[node]
}

func (r *Roster) user(node string, e Entry, total int) {
	u := r.Users[e.User]
	if u == nil {
		u = &User{ID: e.User, Transports: make(map[string]int)}
		r.Users[e.User] = u
	}
	if u.Name == "" {
		u.Name = e.Name
	}
	u.Connections += total
	for transport, n := range e.Streams {
		u.Transports[transport] += n
	}
	if at, found := slices.BinarySearch(u.Nodes, node); !found && node != "" {
		u.Nodes = slices.Insert(u.Nodes, at, node)
	}
}

// poller is a session that polls.
type poller struct {
	entry Entry
	node  string    // which answered it last
	until time.Time // on this node's monotonic clock; zero of those that other nodes keep
	again bool      // the map may have lost it; if it has it, it may be from a node that answered later
}

// guests is what this node says of itself: its users' streams and the sessions it answered. It is guarded by whoever
// holds it.
type guests struct {
	entries map[string]Entry
	pollers map[string]poller
}

func newGuests() guests {
	return guests{entries: make(map[string]Entry), pollers: make(map[string]poller)}
}

func (g guests) enter(e Entry) {
	if len(e.Streams) == 0 {
		delete(g.entries, e.User)
		return
	}
	e.Streams, e.Rooms = maps.Clone(e.Streams), maps.Clone(e.Rooms)
	g.entries[e.User] = e
}

// expire forgets the pollers whose time is over and reports whether there were any.
func (g guests) expire(now time.Time) bool {
	before := len(g.pollers)
	maps.DeleteFunc(g.pollers, func(_ string, p poller) bool { return now.After(p.until) })
	return len(g.pollers) < before
}

func (g guests) addTo(r *Roster, node string) {
	for _, e := range g.entries {
		r.add(node, e)
	}
}

func (e Entry) frame() []byte {
	f := newFrame().str(e.User).str(e.Name)
	for _, counts := range []map[string]int{e.Streams, e.Rooms} {
		f = f.int(int64(len(counts)))
		for _, name := range slices.Sorted(maps.Keys(counts)) { // sorted: equal entries are equal bytes
			f = f.str(name).int(int64(counts[name]))
		}
	}
	return f
}

func parseEntry(value any) (Entry, error) {
	p := parse(value)
	e := p.entry()
	return e, p.err
}

func (p *parser) entry() Entry {
	e := Entry{User: p.str(), Name: p.str()}
	for _, counts := range []*map[string]int{&e.Streams, &e.Rooms} {
		*counts = make(map[string]int)
		for n := p.int(); n > 0 && p.err == nil; n-- {
			name := p.str()
			(*counts)[name] = int(p.int())
		}
	}
	return e
}
