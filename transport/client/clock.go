package client

import "time"

// clockMemory is how long the best sample counts: clocks drift apart.
const clockMemory = 10 * time.Minute

// clock tells the time of the server.
type clock struct {
	ahead     time.Duration // of this machine's, as well as is known
	learnedAt time.Time
}

// learn takes a time that the server has just sent. On its way it grew old, so the smallest difference is the truest.
func (c *clock) learn(t time.Time) {
	now := time.Now()
	if ahead := now.Sub(t); !t.IsZero() && (c.learnedAt.IsZero() || ahead <= c.ahead || now.Sub(c.learnedAt) > clockMemory) {
		c.ahead, c.learnedAt = ahead, now
	}
}

// forget lets the next sample count whatever it says: after a sleep the clock of this machine may have been set.
func (c *clock) forget() { c.learnedAt = time.Time{} }

func (c *clock) now() time.Time { return time.Now().Add(-c.ahead) }

// memory is the newest ids.
type memory struct {
	ids   map[string]bool
	order []string // a ring, once it is full
	next  int
}

func (m *memory) has(id string) bool { return m.ids[id] }

func (m *memory) add(id string) {
	switch {
	case id == "" || m.ids[id]:
		return
	case m.ids == nil:
		m.ids = make(map[string]bool)
	}
	if len(m.order) < mostSeen {
		m.order = append(m.order, id)
	} else {
		delete(m.ids, m.order[m.next])
		m.order[m.next] = id
		m.next = (m.next + 1) % mostSeen
	}
	m.ids[id] = true
}
