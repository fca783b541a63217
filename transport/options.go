package transport

import (
	"context"
	"log/slog"
	"time"
)

// Options tune a Hub. The zero value is ready to use.
type Options struct {
	// Node is the name of this node, said in hello.
	Node string
	// Epoch names the log of messages: letters and digits, another one for each log.
	Epoch string
	// Keep is how many messages the log holds. The default is 10,000.
	Keep int
	// KeepFor is how long. The default is one hour.
	KeepFor time.Duration
	// KeepBytes is how many bytes of messages, as JSON. The default is 32 MiB.
	KeepBytes int
	// Heartbeat is the longest silence of a stream. The default is 15 s.
	Heartbeat time.Duration
	// WriteTimeout ends a stream whose socket took nothing for so long. The default is 10 s.
	WriteTimeout time.Duration
	// PollerFor is how long a long poller counts as connected after its last answer, longer than any poll waits. The default
	// is 30 s.
	PollerFor time.Duration
	// Pollers is how many are remembered between their polls; of more, the one that polled longest ago is forgotten. The default is 20,000.
	Pollers int
	// Nodes tells who is in the cluster, and whether this node cannot reach the others. The default is this node.
	Nodes func() (names []string, degraded bool)
	// Roster knows who is online on all nodes. The default counts those of this node.
	Roster Roster
	// Reached says whether the node has taken the item at seq of the epoch's log, after asking the cluster for what it has
	// not. It is called when a client comes with a position that the log does not hold yet, and must return when ctx ends, which
	// is within 8 s. What it finds comes by Append or Restart before it returns. The default is that there is no more.
	Reached func(ctx context.Context, epoch string, seq int64) bool
	// Logger takes the few things worth a line. The default discards them.
	Logger *slog.Logger

	attached bool // every stream keeps its handler, as over TLS
}

func (o Options) withDefaults() Options {
	if o.Node == "" {
		o.Node = "node"
	}
	if o.Epoch == "" {
		o.Epoch = "local"
	}
	if o.Keep <= 0 {
		o.Keep = 10_000
	}
	if o.KeepFor <= 0 {
		o.KeepFor = time.Hour
	}
	if o.KeepBytes <= 0 {
		o.KeepBytes = 32 << 20
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 10 * time.Second
	}
	if o.PollerFor <= 0 {
		o.PollerFor = 30 * time.Second
	}
	if o.Pollers <= 0 {
		o.Pollers = 20_000
	}
	if o.Nodes == nil {
		node := []string{o.Node}
		o.Nodes = func() ([]string, bool) { return node, false }
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
