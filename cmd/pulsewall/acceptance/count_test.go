package acceptance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// count is who is online.
type count struct {
	connections int
	users       map[string]*counted
	rooms       map[string]*counted // users counts the distinct ones
	streams     map[string]int      // by node
}

// counted is a user, or a room.
type counted struct {
	connections int
	transports  map[string]int
	nodes       map[string]bool
	users       map[string]bool
	polls       bool
}

func newCount() *count {
	return &count{users: make(map[string]*counted), rooms: make(map[string]*counted), streams: make(map[string]int)}
}

// add counts a resident who is on a node.
func (c *count) add(r *resident, node string) {
	c.connections++
	if r.transport != "poll" {
		c.streams[node]++
	}
	if r.user != "" {
		u := c.users[r.user]
		if u == nil {
			u = &counted{transports: make(map[string]int), nodes: make(map[string]bool), polls: r.transport == "poll"}
			c.users[r.user] = u
		}
		u.connections++
		u.transports[r.transport]++
		u.nodes[node] = true
	}
	for _, room := range r.rooms {
		m := c.rooms[room]
		if m == nil {
			m = &counted{users: make(map[string]bool)}
			c.rooms[room] = m
		}
		m.connections++
		if r.user != "" {
			m.users[r.user] = true
		}
	}
}

// said is what a node says of who is online.
type said struct {
	presenceNow
	rooms   map[string]presenceNow
	users   []saidUser
	streams map[string]int // by living node
}

// saidUser is what a node says of one user.
type saidUser struct {
	UnionID     string
	Connections int
	Transports  map[string]int
	Nodes       []string
}

// countOf asks a node for all of it. No count is ever negative.
func countOf(t *testing.T, s *site) (all said, err error) {
	ask := func(path string, to any) {
		if _, body := get(t, s.URL+path); err == nil {
			err = json.Unmarshal([]byte(body), to)
		}
	}
	all.rooms, all.streams = make(map[string]presenceNow), make(map[string]int)
	ask("/api/presence", &all.presenceNow)
	for _, room := range townRooms {
		var m presenceNow
		ask("/api/presence?room="+room, &m)
		all.rooms[room] = m
	}
	for current, pages := 1, 1; current <= pages && err == nil; current++ {
		var page struct {
			Records []saidUser
			Pages   int
		}
		ask(fmt.Sprint("/api/presence/users?size=500&current=", current), &page)
		all.users, pages = append(all.users, page.Records...), page.Pages
	}
	for _, p := range append(slices.Collect(maps.Values(all.rooms)), all.presenceNow) {
		if p.Users < 0 || p.Connections < 0 {
			t.Fatalf("%s counts %+v", s.URL, p)
		}
	}
	var nodes struct {
		Nodes []struct {
			Name       string
			Transports map[string]int
		}
	}
	ask("/api/nodes", &nodes)
	for _, n := range nodes.Nodes {
		if streams := n.Transports["websocket"] + n.Transports["sse"]; streams > 0 {
			all.streams[n.Name] += streams
		}
	}
	return all, err
}

// compare says what is wrong. Guests are others, whose users have short unionIds.
func (a said) compare(truth *count, nodes []string, guests bool) error {
	if guests {
		a.users = slices.DeleteFunc(a.users, func(u saidUser) bool { return len(u.UnionID) < 5 })
		a.Users, a.Connections = len(truth.users), truth.connections
	}
	if a.Users != len(truth.users) || a.Connections != truth.connections || !slices.Equal(a.Nodes, nodes) || a.Degraded {
		return fmt.Errorf("it says %+v; want %d users, %d connections on %v", a.presenceNow, len(truth.users), truth.connections, nodes)
	}
	for room, m := range a.rooms {
		want := truth.rooms[room]
		if want == nil {
			want = &counted{}
		}
		if m.Users != len(want.users) || m.Connections != want.connections {
			return fmt.Errorf("room %s: %d users, %d connections; want %d, %d", room, m.Users, m.Connections, len(want.users), want.connections)
		}
	}
	if len(a.users) != len(truth.users) {
		return fmt.Errorf("%d users listed; want %d", len(a.users), len(truth.users))
	}
	for _, u := range a.users {
		want := truth.users[u.UnionID]
		switch {
		case want == nil:
			return fmt.Errorf("user %s is listed", u.UnionID)
		case u.Connections != want.connections || !maps.Equal(u.Transports, want.transports):
			return fmt.Errorf("user %+v: want %+v", u, want)
		case !want.polls && !slices.Equal(u.Nodes, slices.Sorted(maps.Keys(want.nodes))):
			return fmt.Errorf("user %+v: want on %v", u, want.nodes)
		case slices.ContainsFunc(u.Nodes, func(n string) bool { return !slices.Contains(nodes, n) }):
			return fmt.Errorf("user %+v: there are only %v", u, nodes)
		}
	}
	if !maps.Equal(a.streams, truth.streams) {
		return fmt.Errorf("streams %v; want %v", a.streams, truth.streams)
	}
	return nil
}
