package transport

import (
	"cmp"
	"strconv"
)

// Position is a place in the order of messages. Places without a Life are the same on all nodes; Seq counts from 1. A node
// that cannot reach the others places its own messages after the last Seq it had: N counts them, and Life tells them from
// those of any other node or process. Epoch and Life are letters and digits.
type Position struct {
	Epoch string
	Seq   int64
	Life  string
	N     int64
}

// Alone says that only the node that made the position knows it.
func (p Position) Alone() bool { return p.Life != "" }

// ID is the id of events at the position: epoch-seq, or epoch-seq+life-n.
func (p Position) ID() string {
	id := p.Epoch + "-" + strconv.FormatInt(p.Seq, 10)
	if p.Alone() {
		id += "+" + p.Life + "-" + strconv.FormatInt(p.N, 10)
	}
	return id
}

// later says whether p comes after q in the log of one node and epoch.
func (p Position) later(q Position) bool {
	return cmp.Or(cmp.Compare(p.Seq, q.Seq), cmp.Compare(p.N, q.N)) > 0
}

// shared is the last place before p, or p itself, that other nodes know.
func (p Position) shared() Position { return Position{Epoch: p.Epoch, Seq: p.Seq} }

// Item is a message with its place in the order, as the cluster delivers it.
type Item struct {
	Position
	Key     string // by which a repeat is recognised; empty: it is none
	Message Message
}
