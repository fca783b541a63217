// Package cluster joins nodes into one server: one order of messages, readings to the nodes that want them, who is
// online, and which node polls. It knows bytes only, no page and no reading. [Local] is the cluster of one node.
package cluster

import "context"

// Item is a message as the cluster carries it.
type Item struct {
	Seq  int64
	Key  string // by which a repeat is recognised; never empty
	Data []byte
}

// Log takes the messages of the cluster, in order and without gaps.
type Log interface {
	// Deliver takes the next item. It must not block.
	Deliver(Item)
	// Restart says that the log began anew under another epoch: positions of the old one mean nothing any more.
	Restart(epoch string)
}

// Cluster is what a node needs of the others.
type Cluster interface {
	// Run keeps the node in the cluster until ctx ends.
	Run(ctx context.Context) error
	// Node is the name of this node.
	Node() string
	// Epoch names the log of messages; a new one means that the log began anew.
	Epoch() string
	// Append gives the message its place in the order and returns when this node's Log has taken it. degraded: only
	// this node's clients will get it.
	Append(ctx context.Context, key string, data []byte) (seq int64, degraded bool, err error)
	// Claim asks to make the poll after the given version of a subscription; false: another node does. A node alone polls without asking:
	// who calls it comes with the cluster over Hazelcast, as with Publish and Node.
	Claim(ctx context.Context, sub string, version int64, attempt int) (bool, error)
	// Publish sends a reading to the other nodes that want its subscription. data is called only when somebody does.
	Publish(ctx context.Context, sub string, version int64, data func() []byte) error
	// Nodes returns the names of the nodes that live, this one included.
	Nodes() []string
	// Degraded says that this node cannot reach the others.
	Degraded() bool
}
