package transport

import (
	"maps"
	"slices"
	"time"
)

// Excerpt says which kept messages a page shows: the newest that are for its reader.
type Excerpt struct {
	UnionID string
	Room    string    // only messages to this room; empty: only those to no room
	Since   time.Time // only those that came later; zero: all that are kept
	Limit   int
}

// Latest returns what an excerpt asks for, oldest first, how many more of that there are, and the cursor of exactly that moment: a
// stream that goes on from it brings what is missing, and nothing twice.
func (h *Hub) Latest(x Excerpt) (list []*Message, more int, cursor string) {
	to := Reader{UnionID: x.UnionID}
	if x.Room != "" {
		to.Rooms = []string{x.Room}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, skip := h.log.oldest()
	for index := h.log.head; index >= h.log.tail; index-- {
		e := h.log.at(index)
		if !e.at.After(x.Since) {
			break
		}
		switch {
		case !e.isFor(to, skip) || e.message.Room != x.Room:
		case len(list) < x.Limit:
			list = append(list, e.message)
		default:
			more++
		}
	}
	slices.Reverse(list)
	now := h.log.now()
	return list, more, now.cursor()
}

// UsersIn returns which users of this node's are in a room, sorted by unionId. With a roster that is not all of them: it knows the others.
func (h *Hub) UsersIn(room string) []UserPresence {
	h.mu.RLock()
	defer h.mu.RUnlock()
	by := make(map[string]*UserPresence)
	for _, c := range h.roll.clients {
		if c.user == "" || !slices.Contains(c.rooms, room) {
			continue
		}
		u := by[c.user]
		if u == nil {
			u = &UserPresence{UnionID: c.user, Transports: make(map[Kind]int), Nodes: []string{h.opts.Node}}
			by[c.user] = u
		}
		if u.Name == "" {
			u.Name = c.name
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
