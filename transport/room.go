package transport

import "slices"

// room is who is in a room: on this node, or, with a roster, on all. It is a part of the Hub, guarded by its mutex.
type room struct {
	name        string
	connections int
	users       map[string]int // connections by unionId
	version     uint64         // of the roll, when it changed last
	changes     []change       // the newest
}

// change is a user who came, or went with the last connection.
type change struct {
	version uint64
	user    string
	came    bool
}

// mostChanges bounds the changes that a room remembers; an event names few of them.
const mostChanges = 256

func (m *room) enter(user string, version uint64) {
	m.version = version
	m.connections++
	if user == "" {
		return
	}
	if m.users[user]++; m.users[user] == 1 {
		m.note(change{version, user, true})
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
		m.note(change{version, user, false})
	}
}

// become takes who is in the room on all nodes, and reports whether that is news.
func (m *room) become(connections int, users map[string]int, version uint64) bool {
	var came, went []string
	for user := range users {
		if m.users[user] == 0 {
			came = append(came, user)
		}
	}
	for user := range m.users {
		if users[user] == 0 {
			went = append(went, user)
		}
	}
	first := m.version == 0
	if !first && connections == m.connections && len(came)+len(went) == 0 {
		return false
	}
	m.version, m.connections, m.users = version, connections, users
	if first { // nobody was told of it before
		return true
	}
	slices.Sort(came)
	slices.Sort(went)
	for _, user := range came {
		m.note(change{version, user, true})
	}
	for _, user := range went {
		m.note(change{version, user, false})
	}
	return true
}

func (m *room) note(c change) {
	if len(m.changes) == mostChanges {
		m.changes = append(m.changes[:0], m.changes[mostChanges/2:]...)
	}
	m.changes = append(m.changes, c)
}

func (m *room) presence() RoomPresence {
	return RoomPresence{Room: m.name, Users: len(m.users), Connections: m.connections, Joined: []string{}, Left: []string{}}
}

// since returns who is here now and was not at the version, and who was and is not.
func (m *room) since(version uint64) (joined, left []string) {
	joined, left = []string{}, []string{}
	seen := make(map[string]bool)
	for _, c := range m.changes {
		if c.version <= version || seen[c.user] {
			continue
		}
		seen[c.user] = true // the first change tells what the user was before
		switch here := m.users[c.user] > 0; {
		case here && c.came && len(joined) < mostNames:
			joined = append(joined, c.user)
		case !here && !c.came && len(left) < mostNames:
			left = append(left, c.user)
		}
	}
	return joined, left
}
