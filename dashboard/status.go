package dashboard

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
)

// nodeStatus is what a node tells the others of itself.
type nodeStatus struct {
	Version   string  `json:"version,omitempty"`
	Started   stamp   `json:"started,omitzero"`
	Leaving   bool    `json:"leaving,omitempty"`
	CPU       float64 `json:"cpu"`       // percent of the processors that the program may use
	Memory    uint64  `json:"memory"`    // bytes that the program has of the system
	RoundTrip float64 `json:"roundTrip"` // milliseconds of its last sign of life to the members; 0: none
	Polls     int     `json:"polls"`     // distinct polls wanted
	PollRate  float64 `json:"pollRate"`  // polls that it made, a minute
	EventRate float64 `json:"eventRate"` // events written to its clients, a second
	Messages  int     `json:"messages"`  // that can still be read
	// Wants are polls of other nodes' machines, by node, less the node in their names.
	Wants map[string][]string `json:"wants,omitempty"`
}

// status is this node's own, without its wants.
func (d *Dashboard) status() nodeStatus {
	stats := d.hub.Stats()
	var events uint64
	for _, n := range stats.Deliveries {
		events += n
	}
	now := d.vitals.measure(events)
	return nodeStatus{
		Version: d.opts.Version, Started: stamp(d.started), Leaving: d.hub.Draining(), CPU: tenths(now.cpu), Memory: memory(),
		RoundTrip: tenths(float64(d.cluster.State().RoundTrip) / float64(time.Millisecond)), Polls: d.scheduler.Polls(),
		PollRate: tenths(now.polls), EventRate: tenths(now.events), Messages: stats.Kept,
	}
}

const (
	// mostStatus bounds what the cluster carries of a node, in bytes; all nodes read it of all others.
	mostStatus = 4 << 10
	// plainStatus is how long a status may be that is not deflated.
	plainStatus = 1 << 10
	// mostErrands is more than ever fit.
	mostErrands = 5000
	// mostInflated bounds what is read of another node.
	mostInflated = 256 << 10
)

// statusBlob is the status for the cluster.
func (d *Dashboard) statusBlob() []byte {
	if !d.built.Load() {
		return nil // New is still putting the parts together
	}
	b, _ := d.errands.fit(d.status(), d.errands.list(d.scheduler.WantedElsewhere(), d.livingNodes()))
	return b
}

// fit encodes a status with as many of the errands as the bound allows, and returns how many. When that is not all, each time tells
// others: a node that is told keeps a poll going for wantedFor, so that three times as many as fit are kept going.
func (w *errands) fit(s nodeStatus, all []errand) (b []byte, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n = min(len(all), mostErrands); ; n = n * 3 / 4 {
		s.Wants = make(map[string][]string)
		for i := range n {
			it := all[(w.next+i)%len(all)]
			s.Wants[it.node] = append(s.Wants[it.node], it.poll)
		}
		var err error
		if b, err = marshal(s); err == nil && len(b) > plainStatus {
			b, err = deflated(b)
		}
		if err != nil {
			return nil, 0 // numbers and names can always be encoded
		}
		if len(b) <= mostStatus || n == 0 {
			w.next += n
			return b, n
		}
	}
}

// errand is a poll that only another node can make.
type errand struct{ node, poll string }

// errands are what this node wants of others, told in turn when it is too much for once.
type errands struct {
	mu   sync.Mutex
	next int             // guarded by mu
	sent map[string]bool // those that were told of when they were new; guarded by mu
}

// isNew says of a poll that is wanted whether others have to be told at once.
func (w *errands) isNew(poll string) bool {
	name, _, _ := strings.Cut(poll, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	if !strings.Contains(name, "@") || w.sent[poll] {
		return false
	}
	if w.sent == nil {
		w.sent = make(map[string]bool)
	}
	w.sent[poll] = true
	return true
}

func (w *errands) end(poll string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.sent, poll)
}

// list is what is wanted of nodes that live. A node that comes back is told then.
func (w *errands) list(wanted map[string][]string, living []string) (all []errand) {
	for _, node := range slices.Sorted(maps.Keys(wanted)) {
		for _, poll := range wanted[node] {
			if slices.Contains(living, node) {
				all = append(all, errand{node, strings.Replace(poll, "@"+node, "", 1)})
			}
		}
	}
	return all
}

// wantsOf are the names of the polls that a status wants of a node.
func (s nodeStatus) wantsOf(node string) (polls []string) {
	for _, poll := range s.Wants[node] {
		feed, rest, more := strings.Cut(poll, "/")
		feed += "@" + node
		if more {
			feed += "/" + rest
		}
		polls = append(polls, feed)
	}
	return polls
}

// statusOf reads what a node told. One that told nothing, or what this version does not understand, has a zero status.
func statusOf(n cluster.Node) nodeStatus {
	b := n.Status
	if len(b) > 0 && b[0] != '{' {
		b, _ = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(b)), mostInflated))
	}
	var s nodeStatus
	if json.Unmarshal(b, &s) != nil {
		return nodeStatus{}
	}
	return s
}

// deflated is b, shorter. It never begins with a brace, which would be a last block: this writer ends with an empty one.
func deflated(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}
