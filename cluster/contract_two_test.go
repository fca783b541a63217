package cluster

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// testClaimsOfTwo has another node claim what is claimed: one of them gets it, unless they know nothing of each other.
func testClaimsOfTwo(t *testing.T, n *node) {
	other := n.another()
	together := other.Epoch() == n.Epoch()
	for i := range 5 {
		first, second := n, other
		if i%2 == 1 {
			first, second = other, n
		}
		name := ClaimName(t.Name(), int64(i), 0)
		if won, err := first.Claim(t.Context(), name, time.Minute); !won || err != nil {
			t.Errorf("the first Claim = %v, %v; want true", won, err)
		}
		if won, err := second.Claim(t.Context(), name, time.Minute); won == together || err != nil {
			t.Errorf("the second Claim = %v, %v, with one log %v", won, err, together)
		}
	}
}

// testPresenceOfTwo has a user on each of two nodes: each node counts both, unless they know nothing of each other, and one
// of them no more when its node has left.
func testPresenceOfTwo(t *testing.T, n *node) {
	other := n.another()
	n.Enter(Entry{User: "7", Streams: map[string]int{"ws": 1}, Rooms: map[string]int{"red": 1}})
	other.Enter(Entry{User: "8", Streams: map[string]int{"sse": 2}, Rooms: map[string]int{"red": 2}})
	mine, theirs := map[string]int{"7": 1}, map[string]int{"8": 2} // connections by user
	if other.Epoch() == n.Epoch() {
		mine = map[string]int{"7": 1, "8": 2}
		theirs = mine
	}
	counts(t, n, mine)
	counts(t, other, theirs)
	other.stop()
	counts(t, n, map[string]int{"7": 1})
}

// counts waits until the node counts these connections by user, all of them in the room red.
func counts(t *testing.T, n *node, want map[string]int) {
	t.Helper()
	eventually(t, 8*time.Second, func() error {
		r := n.Roster()
		got, total := make(map[string]int), 0
		for id, u := range r.Users {
			got[id] = u.Connections
			total += u.Connections
		}
		if !maps.Equal(got, want) || r.Connections != total || r.Rooms["red"] == nil || !maps.Equal(r.Rooms["red"].Users, want) {
			return fmt.Errorf("%s counts %v of %d connections; want %v", n.Node(), got, r.Connections, want)
		}
		return nil
	})
}
