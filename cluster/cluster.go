// Package cluster joins nodes into one server: one order of messages, readings to the nodes that want them, who is
// online, and which node polls. It knows bytes only, no page and no reading. [Local] is the cluster of one node,
// [Hazelcast] that of many.
//
// A node that cannot reach the others is degraded: it goes on alone, and everything here goes on working for its own
// clients. No call blocks for longer than its context or a few seconds, whichever ends first.
package cluster

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

var (
	// ErrUnknown reports a message that may or may not have its place in the order. Append it again with the same key:
	// it is delivered once, whatever became of the first.
	ErrUnknown = errors.New("cluster: it is not known whether the message was taken")
	// ErrTooLarge reports a message or a reading that the cluster does not carry.
	ErrTooLarge = errors.New("cluster: too large")
)

// MaxMessage is how many bytes the key and the data of a message may have together.
const MaxMessage = 12 << 10

// Position is a place in the order of messages. Places without a Life are the cluster's, the same on all nodes; Seq
// counts from 1. A node that is alone places its own messages after the last Seq it had: N counts them, and Life tells
// them from those of any other node or process.
type Position struct {
	Epoch string
	Seq   int64
	Life  string
	N     int64
}

// Alone says that only the clients of the node that made the position know it.
func (p Position) Alone() bool { return p.Life != "" }

// Item is a message as the cluster carries it.
type Item struct {
	Position
	Key  string // by which a repeat is recognised; never empty
	Data []byte
}

// Reading is a reading as the cluster carries it.
type Reading struct {
	Sub     string
	Version int64
	From    string        // the node that published it
	Shift   time.Duration // what to add to times on the sender's clock to get them on this node's
	Kept    bool          // it was kept for a while; else it comes as soon as it was published
	Data    []byte
}

// Handler takes what comes from the cluster. Its methods must not block. Deliver and Restart are never called at the same
// time, and must not call Append or Reached.
type Handler interface {
	// Deliver takes the next item of the log. An item whose key came before is a repeat: it moves the position and is
	// for nobody.
	Deliver(Item)
	// Restart says that the log is another one from now on, or that items of this one were lost: no position from
	// before means anything any more but those after the given one, whose items are kept. The next item follows them.
	Restart(epoch string, after int64, kept []Item)
	// Reading takes a reading of a wanted subscription, from another node as a rule. One with a version that is not higher
	// than the last is to be ignored.
	Reading(Reading)
	// Streaming returns those of the sessions that have a stream on this node: they do not count as pollers anywhere.
	Streaming(sessions []string) []string
	// Changed says that State, Nodes or Roster may differ from what they were.
	Changed()
}

// Cluster is what a node needs of the others. All methods may be called concurrently.
type Cluster interface {
	// Run keeps the node in the cluster until ctx ends, and returns when everything it started has ended. Before Run
	// the node is alone. Run may be called once.
	Run(ctx context.Context) error
	// Node is the name of this node.
	Node() string
	// Ask asks another node, by its incarnation, and waits for the answer until ctx ends.
	Ask(ctx context.Context, incarnation string, question []byte) ([]byte, error)
	// State says how this node stands with the others.
	State() State
	// Nodes returns all nodes by name, this one included, and for a while those that are gone.
	Nodes() []Node

	// Announce tells the others soon what Options.Status returns now, instead of with one of the next signs of life.
	Announce()

	// Epoch names the log of messages; a new one means that the log began anew.
	Epoch() string
	// Append gives the message its place in the order and returns it when this node's Handler has taken it. Errors are
	// ErrTooLarge and ErrUnknown.
	Append(ctx context.Context, key string, data []byte) (Position, error)
	// Reached says whether this node has taken the item at seq of the epoch's log, after asking the cluster for what is
	// newer if it has not.
	Reached(ctx context.Context, epoch string, seq int64) bool

	// Claim takes something that is to be done once, named by [ClaimName] or alike, and remembers that for keep, at
	// least 5 s. False: another node has it, or, with an error, nobody knows. A node may claim the same again.
	Claim(ctx context.Context, name string, keep time.Duration) (bool, error)
	// Publish sends a reading to the nodes that want its subscription, and keeps it for those that will: for the given
	// time, at least 5 s, or with 0 until it is replaced. data is called at most once, and only when it leaves the node.
	Publish(ctx context.Context, sub string, version int64, keep time.Duration, data func() []byte) error
	// Want asks for the readings of a subscription from now on and returns the newest, if one is kept. It may be called
	// again for the newest. While it waits for an answer, about a second at most, readings may come already. With an error
	// nobody knows what is kept.
	Want(ctx context.Context, sub string) (newest Reading, ok bool, err error)
	// Unwant ends what Want began.
	Unwant(sub string)

	// Alerts returns what SwapAlert has put there, on any node, by key. The error is ErrAlone where this node cannot reach the others.
	Alerts(ctx context.Context) (map[string][]byte, error)
	// SwapAlert puts next in the place of old, if that is what is under the key, and returns what is there then. nil is nothing.
	// Errors are ErrAlone, and others after which nobody knows what is there.
	SwapAlert(ctx context.Context, key string, old, next []byte) (now []byte, err error)

	// Enter says which streams a user has on this node; the last call for a user counts, one without streams removes him.
	Enter(e Entry)
	// Poll says that a session of no stream is here for so long after its last answer. Entry.Streams says as what.
	Poll(session string, e Entry, stays time.Duration)
	// Unpoll says that the session polls no more: it has a stream, or left.
	Unpoll(session string)
	// Roster returns who is online, as far as this node knows. It must not be changed.
	Roster() *Roster
	// Online returns those of the users who are connected to any node at this moment.
	Online(ctx context.Context, users []string) []string

	// Register takes an end of a channel for a connection of this node, which must Close it. When somebody has it, here or on another
	// node, and his ping returns nil within AnswerWithin, that is ErrTaken; else his registration ends with ErrReplaced. A node that
	// is alone asks its own only. ping asks the client of this registration for a sign of life.
	Register(ctx context.Context, end End, ping func(context.Context) error) (*Registration, error)
	// ServeLink takes a link of another node, asked for at LinkPath, and returns when it has ended. With an error, ErrNoLinks or
	// ErrStranger, it is the caller who has to answer, with the header that is set.
	ServeLink(w http.ResponseWriter, r *http.Request) error
	// Relayed returns what has gone through the channels of this node.
	Relayed() Traffic
}

// State is how a node stands with the others.
type State struct {
	Degraded  bool          // it cannot reach them: it is alone
	Since     time.Time     // since when; of a node in good state, since it joined
	RoundTrip time.Duration // of its last sign of life to the cluster; 0 if there was none
}

// Node is one process of the cluster.
type Node struct {
	Name        string
	Incarnation string        // the name with a random part, another for each start
	Self        bool          // it is this one
	Gone        bool          // it gave no sign of life for 10 s, or left, or this node is alone
	Left        bool          // it said goodbye
	Seen        time.Time     // when its last sign of life came, on this node's clock
	Ahead       time.Duration // about how far its clock is ahead of this node's
	Status      []byte        // what its Options.Status returned; nil of this node, which knows better
}

// ClaimName names the poll after the given version of a subscription.
func ClaimName(sub string, version int64, attempt int) string {
	return sub + "#" + strconv.FormatInt(version, 10) + "#" + strconv.Itoa(attempt)
}
