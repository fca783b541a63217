package dashboard

import (
	"maps"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/transport"
)

// How a node stands, as another one sees it.
const (
	stateLive    = "live"
	stateAlone   = "alone"   // this node has no contact with the others
	stateUnknown = "unknown" // this node is alone: how that one stands it cannot know
	stateLeaving = "leaving" // it lets go of its clients
	stateLeft    = "left"    // it ended as it was told
	stateGone    = "gone"    // it gave no sign of life for 10 s
)

// nodeInfo is a node as this one sees it.
type nodeInfo struct {
	Name  string  `json:"name"`
	State string  `json:"state"`
	Self  bool    `json:"self"`
	Seen  stamp   `json:"seen,omitzero"` // its last sign of life
	Ahead float64 `json:"ahead"`         // seconds that its clock is ahead of this node's, about
	twins bool    // another one lives under its name
	nodeFacts
}

// nodeFacts are left out of a node that is not there: what it said last is true no more.
type nodeFacts struct {
	*nodeStatus
	Connections *int                   `json:"connections,omitempty"` // clients, each counted once; pollers where they were answered last
	Transports  map[transport.Kind]int `json:"transports,omitempty"`  // the same by transport
}

// here says whether the node's numbers are of now.
func (n nodeInfo) here() bool { return n.nodeStatus != nil }

// nodeInfos lists the nodes, this one with what it knows of itself now. One that started again stands there once.
func (d *Dashboard) nodeInfos() []nodeInfo {
	nodes, alone, now := d.cluster.Nodes(), d.cluster.State().Degraded, d.online()
	list := []nodeInfo{}
	for _, n := range nodes {
		if n.Gone && (n.Seen.IsZero() || d.replaced(n, nodes)) {
			continue // it has not been heard yet, or is there again
		}
		info := nodeInfo{Name: n.Name, Self: n.Self, Seen: stamp(n.Seen), Ahead: tenths(n.Ahead.Seconds())}
		status := statusOf(n)
		if n.Self {
			status, info.Seen, info.Ahead = d.status(), stamp(time.Now()), 0
		}
		info.State = stateOf(n, status, alone)
		if !n.Gone {
			status.Wants = nil
			info.twins = d.replaced(n, nodes)
			info.nodeFacts = factsOf(status, now.nodes[n.Name])
		}
		list = append(list, info)
	}
	return list
}

// replaced says whether another start of the node lives, or was seen later.
func (d *Dashboard) replaced(n cluster.Node, nodes []cluster.Node) bool {
	return slices.ContainsFunc(nodes, func(other cluster.Node) bool {
		return other.Name == n.Name && other.Incarnation != n.Incarnation && (!other.Gone || other.Seen.After(n.Seen))
	})
}

func stateOf(n cluster.Node, status nodeStatus, alone bool) string {
	switch {
	case n.Left:
		return stateLeft
	case n.Gone && alone:
		return stateUnknown
	case n.Gone:
		return stateGone
	case status.Leaving:
		return stateLeaving
	case n.Self && alone:
		return stateAlone
	}
	return stateLive
}

func factsOf(status nodeStatus, clients map[transport.Kind]int) nodeFacts {
	facts := nodeFacts{nodeStatus: &status, Connections: new(int), Transports: make(map[transport.Kind]int)}
	for _, kind := range transport.Kinds {
		facts.Transports[kind] = clients[kind]
		*facts.Connections += clients[kind]
	}
	return facts
}

// getNodes tells of the nodes and of who is online on all of them.
func (d *Dashboard) getNodes(w http.ResponseWriter, _ *http.Request) {
	now, degraded := d.online(), d.cluster.State().Degraded
	writeJSON(w, http.StatusOK, struct {
		Node        string                 `json:"node"` // that answers
		Degraded    bool                   `json:"degraded"`
		Users       int                    `json:"users"`
		Connections int                    `json:"connections"`
		Transports  map[transport.Kind]int `json:"transports"`
		Nodes       []nodeInfo             `json:"nodes"`
	}{d.opts.Node, degraded, now.users, now.connections, now.transports, d.nodeInfos()})
}

// online is who is here, on all nodes.
type online struct {
	users, connections int
	transports         map[transport.Kind]int
	nodes              map[string]map[transport.Kind]int // pollers whom a node answered that is gone are on none
}

func (d *Dashboard) online() online {
	if d.alone {
		p, clients := d.hub.Presence(), d.hub.Clients()
		return online{p.Users, p.Connections, clients, map[string]map[transport.Kind]int{d.opts.Node: clients}}
	}
	r := d.cluster.Roster()
	o := online{len(r.Users), r.Connections, byKind(r.Transports), make(map[string]map[transport.Kind]int, len(r.Nodes))}
	for name, counts := range r.Nodes {
		o.nodes[name] = byKind(counts)
	}
	return o
}

// byKind counts by transport, 0 where there is nobody.
func byKind(counts map[string]int) map[transport.Kind]int {
	by := make(map[transport.Kind]int, len(transport.Kinds))
	for _, kind := range transport.Kinds {
		by[kind] = counts[string(kind)]
	}
	return by
}

// tenths keeps one decimal.
func tenths(x float64) float64 { return math.Round(x*10)/10 + 0 } // no minus before a zero

// livingNodes are the names of the nodes that live.
func (d *Dashboard) livingNodes() []string {
	var names []string
	for _, n := range d.cluster.Nodes() {
		if !n.Gone {
			names = append(names, n.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// usersOf lists the users of a roster, sorted by unionId as text.
func usersOf(r *cluster.Roster) []transport.UserPresence {
	list := make([]transport.UserPresence, 0, len(r.Users))
	for _, id := range slices.Sorted(maps.Keys(r.Users)) {
		list = append(list, userOf(r.Users[id]))
	}
	return list
}

func userOf(u *cluster.User) transport.UserPresence {
	transports := make(map[transport.Kind]int, len(u.Transports))
	for kind, n := range u.Transports {
		transports[transport.Kind(kind)] = n
	}
	return transport.UserPresence{UnionID: u.ID, Name: u.Name, Connections: u.Connections, Transports: transports, Nodes: u.Nodes}
}
