package cluster

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
)

// Local is the cluster of one node: nothing leaves the process.
type Local struct {
	node  string
	epoch string
	log   Log

	mu  sync.Mutex
	seq int64 // guarded by mu
}

// NewLocal returns a cluster of the node alone that delivers messages to log.
func NewLocal(node string, log Log) *Local {
	return &Local{node: node, epoch: NewEpoch(), log: log}
}

// NewEpoch returns a random name for a log.
func NewEpoch() string { return strings.ToLower(rand.Text()[:10]) }

// Run waits for ctx.
func (l *Local) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Node returns the node's name.
func (l *Local) Node() string { return l.node }

// Epoch returns the name of this life's log.
func (l *Local) Epoch() string { return l.epoch }

// Append delivers at once.
func (l *Local) Append(_ context.Context, key string, data []byte) (int64, bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	l.log.Deliver(Item{Seq: l.seq, Key: key, Data: data}) // under the lock: that is the order; Deliver does not block
	return l.seq, false, nil
}

// Claim always succeeds: nobody else polls.
func (l *Local) Claim(context.Context, string, int64, int) (bool, error) { return true, nil }

// Publish has nobody to send to.
func (l *Local) Publish(context.Context, string, int64, func() []byte) error { return nil }

// Nodes returns the one node.
func (l *Local) Nodes() []string { return []string{l.node} }

// Degraded is never true of a node that is meant to be alone.
func (l *Local) Degraded() bool { return false }
