package transport

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Roster knows who is online on all nodes. Its methods must not call the hub, except Changed, and only Online may wait.
type Roster interface {
	// Enter says which streams a user has on this node; the last call for a user counts, one without streams removes him.
	Enter(e Entry)
	// Poll says that a session without a stream is here for so long from now. Entry.Streams says as what.
	Poll(session string, e Entry, stays time.Duration)
	// Unpoll says that the session polls no more: it has a stream, or was forgotten for newer ones.
	Unpoll(session string)
	// Census returns who is online at this moment. It is asked for at most four times a second, and by each request that
	// wants to know; so it should be counted once for all of them.
	Census() Census
	// Online returns those of the users who are connected to any node.
	Online(ctx context.Context, users []string) []string
}

// Entry is what one user has on one node.
type Entry struct {
	User    string         // unionId; empty for all together who gave none
	Name    string         // what to call the user
	Streams map[string]int // by transport
	Rooms   map[string]int // how many of the streams are in each room
}

// Census is who was online on all nodes at one moment. It does not change.
type Census interface {
	// Totals returns how many distinct unionIds there are, and how many connections.
	Totals() (users, connections int)
	// Room returns how many connections are in a room, and how many of them each unionId has. The caller must not change it.
	Room(name string) (connections int, users map[string]int)
	// Users returns who is connected, sorted by unionId.
	Users() []UserPresence
}

// standing is what a client with a stream is in its user's entry.
type standing struct {
	counts     bool
	kind       Kind
	user, name string
	rooms      []string
}

// guests is what the roster is to be told of this node's clients. It is a part of the roll, guarded by the hub's mutex.
type guests struct {
	entries map[string]*Entry   // streams by user
	users   map[string]struct{} // whose entries are to be told
	pollers map[string]*Entry   // that polled since it was told, by session; nil: has a stream
}

func newGuests() *guests {
	return &guests{entries: make(map[string]*Entry), users: make(map[string]struct{}), pollers: make(map[string]*Entry)}
}

// follow notes what a client has become.
func (g *guests) follow(c *client) {
	var now standing
	if kind := c.kind(); len(c.sessions) > 0 && kind != LongPoll {
		now = standing{true, kind, c.user, c.name, c.rooms}
	}
	var before standing
	if c.standing != nil {
		before = *c.standing
	}
	c.standing = &now
	if before.counts == now.counts && before.kind == now.kind && before.user == now.user && before.name == now.name &&
		slices.Equal(before.rooms, now.rooms) {
		return
	}
	g.add(now, 1)
	g.add(before, -1)
}

// polled notes that a session polls, or with nil that it has a stream.
func (g *guests) polled(c *client) {
	if c.kind() != LongPoll {
		g.pollers[c.id] = nil
		return
	}
	e := &Entry{User: c.user, Name: c.name, Streams: map[string]int{string(LongPoll): 1}, Rooms: make(map[string]int)}
	for _, room := range c.rooms {
		e.Rooms[room] = 1
	}
	g.pollers[c.id] = e
}

func (g *guests) add(s standing, n int) {
	if !s.counts {
		return
	}
	e := g.entries[s.user]
	if e == nil {
		e = &Entry{User: s.user, Streams: make(map[string]int), Rooms: make(map[string]int)}
		g.entries[s.user] = e
	}
	if n > 0 && s.name != "" && s.user != "" {
		e.Name = s.name
	}
	tally(e.Streams, string(s.kind), n)
	for _, room := range s.rooms {
		tally(e.Rooms, room, n)
	}
	if len(e.Streams) == 0 {
		delete(g.entries, s.user)
	}
	g.users[s.user] = struct{}{}
}

// tally counts up or down.
func tally(m map[string]int, name string, n int) {
	if m[name] += n; m[name] == 0 {
		delete(m, name)
	}
}

// take returns what is to be told, and forgets that it is.
func (g *guests) take() (entries []Entry, pollers map[string]*Entry) {
	for user := range g.users {
		e := Entry{User: user}
		if own := g.entries[user]; own != nil {
			e = Entry{User: user, Name: own.Name, Streams: maps.Clone(own.Streams), Rooms: maps.Clone(own.Rooms)}
		}
		entries = append(entries, e)
	}
	pollers = g.pollers
	clear(g.users)
	g.pollers = make(map[string]*Entry)
	return entries, pollers
}

// attend notes that clients of this node came into rooms, or left. Only such rooms are told of.
func (r *roll) attend(rooms []string, n int) {
	for _, name := range rooms {
		tally(r.here, name, n)
		switch {
		case r.here[name] == 0:
			delete(r.rooms, name)
		case r.rooms[name] == nil:
			r.rooms[name] = &room{name: name}
			r.unread = true
		}
	}
}

// due says whether the census is to be read that was read last so long ago.
func (r *roll) due(now time.Time, every time.Duration) bool {
	if r.unread {
		every = min(every, readSoonest)
	}
	return !now.Before(r.readAt.Add(every))
}

// read takes who is online on all nodes. What takes long to count is counted less often.
func (r *roll) read(c Census, begun, now time.Time) {
	r.readAt, r.unread = now.Add(min(presenceEvery, readShare*now.Sub(begun))), false
	r.reads++
	next := r.version + 1
	users, connections := c.Totals()
	changed := users != r.everyone || connections != r.everywhere
	r.everyone, r.everywhere = users, connections
	for name, m := range r.rooms {
		connections, users := c.Room(name)
		changed = m.become(connections, users, next) || changed
	}
	if changed {
		r.version = next
	}
}

// awaits says whether s is a stream that waits to find itself in the census.
func (r *roll) awaits(s *Session, told *seen) bool {
	return r.guests != nil && s.kind != LongPoll && told.version == 0 && r.reads == s.entered
}

// readShare is how many times as long as a census took to be counted it stands at least.
const readShare = 20

// readSoonest is how long after the census was read it may be read again for somebody new.
const readSoonest = 250 * time.Millisecond

// refresh reports, and reads the census for who was not told of presence before, so that he finds himself in it.
func (h *Hub) refresh() {
	h.report()
	h.recount(readSoonest)
}

// recount reads the census if it was read last so long ago.
func (h *Hub) recount(every time.Duration) {
	if h.opts.Roster == nil {
		return
	}
	h.roster.Lock()
	defer h.roster.Unlock()
	h.mu.RLock()
	begun := time.Now()
	due := h.roll.due(begun, every)
	h.mu.RUnlock()
	if !due {
		h.mu.Lock()
		h.roll.unread = h.roll.unread || every <= readSoonest
		h.mu.Unlock()
		return
	}
	census := h.opts.Roster.Census()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.roll.read(census, begun, time.Now())
}

// Changed says that Nodes or the Roster may tell something else than before. It never waits.
func (h *Hub) Changed() {
	select {
	case h.bell <- struct{}{}:
	default: // it rings already
	}
}

// rollChanged has changes of this node's clients reported soon.
func (h *Hub) rollChanged() {
	if h.opts.Roster != nil {
		h.Changed()
	}
}

// report tells the roster of clients that came, went or moved.
func (h *Hub) report() {
	if h.opts.Roster == nil {
		return
	}
	h.roster.Lock() // over the calls as well: the last one counts
	defer h.roster.Unlock()
	h.mu.Lock()
	entries, pollers := h.roll.guests.take()
	h.mu.Unlock()
	for _, e := range entries {
		h.opts.Roster.Enter(e)
	}
	for session, e := range pollers {
		if e == nil {
			h.opts.Roster.Unpoll(session)
		} else {
			h.opts.Roster.Poll(session, *e, h.opts.PollerFor)
		}
	}
}
