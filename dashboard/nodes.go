package dashboard

import (
	"encoding/json"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/transport"
)

// nodeStatus is what a node tells the others of itself.
type nodeStatus struct {
	Version  string                 `json:"version,omitempty"`
	Started  stamp                  `json:"started,omitzero"`
	Sessions map[transport.Kind]int `json:"sessions,omitempty"`
	Polls    int                    `json:"polls"`           // distinct polls wanted
	Messages int                    `json:"messages"`        // that can still be read
	Memory   uint64                 `json:"memory"`          // bytes the program got of the system
	Wants    map[string][]string    `json:"wants,omitempty"` // polls of other nodes' machines, by node
}

// status is this node's own.
func (d *Dashboard) status() nodeStatus {
	stats := d.hub.Stats()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return nodeStatus{
		Version: d.opts.Version, Started: stamp(d.started), Sessions: stats.Sessions, Polls: d.scheduler.Polls(), Messages: stats.Kept,
		Memory: memory.Sys, Wants: d.scheduler.WantedElsewhere(),
	}
}

// mostStatus bounds what the cluster carries of a node, in bytes.
const mostStatus = 4 << 10

// statusBlob is the status for the cluster. Wants that do not fit wait until others are gone.
func (d *Dashboard) statusBlob() []byte {
	if !d.built.Load() {
		return nil // New is still putting the parts together
	}
	s := d.status()
	b, err := marshal(s)
	if err == nil && len(b) > mostStatus {
		s.Wants = nil
		b, err = marshal(s)
	}
	if err != nil {
		d.log.Error("status not encoded", "err", err)
	}
	return b
}

// statusOf reads what a node told. One that told nothing, or what this version does not understand, has a zero status.
func statusOf(n cluster.Node) nodeStatus {
	var s nodeStatus
	if json.Unmarshal(n.Status, &s) != nil {
		return nodeStatus{}
	}
	return s
}

// nodeInfo is a node as this one sees it.
type nodeInfo struct {
	Name  string `json:"name"`
	State string `json:"state"` // live, alone, leaving or gone
	Self  bool   `json:"self"`
	Seen  stamp  `json:"seen"` // its last sign of life
	nodeStatus
}

// nodeInfos lists the nodes, this one with what it knows of itself now.
func (d *Dashboard) nodeInfos() []nodeInfo {
	list := []nodeInfo{}
	for _, n := range d.cluster.Nodes() {
		info := nodeInfo{Name: n.Name, State: "live", Self: n.Self, Seen: stamp(n.Seen), nodeStatus: statusOf(n)}
		switch {
		case n.Self:
			info.nodeStatus, info.Seen = d.status(), stamp(time.Now())
			if d.cluster.State().Degraded {
				info.State = "alone"
			}
			if !d.ready.Load() {
				info.State = "leaving"
			}
		case n.Gone:
			info.State = "gone"
		}
		info.Wants = nil
		list = append(list, info)
	}
	return list
}

// getNodes lists the nodes.
func (d *Dashboard) getNodes(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"nodes": d.nodeInfos()})
}

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
		u := r.Users[id]
		transports := make(map[transport.Kind]int, len(u.Transports))
		for kind, n := range u.Transports {
			transports[transport.Kind(kind)] = n
		}
		list = append(list, transport.UserPresence{UnionID: id, Name: u.Name, Connections: u.Connections, Transports: transports, Nodes: u.Nodes})
	}
	return list
}
