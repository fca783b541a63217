package cluster

import (
	"context"
	"crypto/rand"
	"strings"
	"sync"
	"time"
)

// Local is the cluster of one node: nothing leaves the process.
type Local struct {
	node        string
	incarnation string
	epoch       string
	handler     Handler
	started     time.Time
	*relay

	order sync.Mutex // held while the handler takes an item
	seq   int64      // guarded by order

	log  Log // nil: messages do not outlive the process
	mine sync.Mutex
	next []*keeping // what waits to be kept; guarded by mine

	mu     sync.Mutex
	guests guests  // guarded by mu
	roster *Roster // guarded by mu; nil when it has to be counted anew
	board  board   // guarded by mu
}

// NewLocal returns a cluster of the node alone.
func NewLocal(node string, handler Handler) *Local {
	incarnation := incarnationOf(node)
	return &Local{
		node: node, incarnation: incarnation, epoch: NewEpoch(), handler: handler, started: time.Now(), guests: newGuests(),
		relay: newRelay(incarnation),
	}
}

// NewEpoch returns a random name for a log.
func NewEpoch() string { return strings.ToLower(rand.Text()[:10]) }

// incarnationOf makes a node's name that no other start of it has.
func incarnationOf(node string) string { return node + "#" + strings.ToLower(rand.Text()[:8]) }

// Run waits for ctx, and ends the registrations then.
func (l *Local) Run(ctx context.Context) error {
	<-ctx.Done()
	l.relay.end()
	return nil
}

// Node returns the node's name.
func (l *Local) Node() string { return l.node }

// State is never degraded: the node is meant to be alone.
func (l *Local) State() State { return State{Since: l.started} }

// Nodes returns the one node.
func (l *Local) Nodes() []Node {
	return []Node{{Name: l.node, Incarnation: l.incarnation, Self: true, Seen: time.Now()}}
}

// Announce has nobody to tell.
func (l *Local) Announce() {}

// Epoch returns the name of this life's log.
func (l *Local) Epoch() string { return l.epoch }

// Append delivers at once, or when the log has it.
func (l *Local) Append(_ context.Context, key string, data []byte) (Position, error) {
	if len(key)+len(data) > MaxMessage {
		return Position{}, ErrTooLarge
	}
	if l.log != nil {
		return l.keep(key, data)
	}
	l.order.Lock()
	defer l.order.Unlock()
	l.seq++
	p := Position{Epoch: l.epoch, Seq: l.seq}
	l.handler.Deliver(Item{Position: p, Key: key, Data: data}) // under the lock: that is the order; Deliver does not block
	return p, nil
}

// Reached knows all there is.
func (l *Local) Reached(_ context.Context, epoch string, seq int64) bool {
	l.order.Lock()
	defer l.order.Unlock()
	return epoch == l.epoch && seq <= l.seq
}

// Claim always succeeds: nobody else polls.
func (l *Local) Claim(context.Context, string, time.Duration) (bool, error) { return true, nil }

// Publish has nobody to send to.
func (l *Local) Publish(context.Context, string, int64, time.Duration, func() []byte) error {
	return nil
}

// Want finds nothing: this node's own readings are its own to keep.
func (l *Local) Want(context.Context, string) (Reading, bool, error) { return Reading{}, false, nil }

// Unwant has nothing to end.
func (l *Local) Unwant(string) {}

// Enter counts the user's streams.
func (l *Local) Enter(e Entry) {
	l.change(func() { l.guests.enter(e) })
}

// Poll counts the session.
func (l *Local) Poll(session string, e Entry, stays time.Duration) {
	l.change(func() {
		l.guests.pollers[session] = poller{entry: e, node: l.node, until: time.Now().Add(stays)}
	})
}

// Unpoll counts the session no more.
func (l *Local) Unpoll(session string) {
	l.change(func() { delete(l.guests.pollers, session) })
}

func (l *Local) change(what func()) {
	l.mu.Lock()
	what()
	l.roster = nil
	l.mu.Unlock()
	l.handler.Changed()
}

// Roster counts this node's users and pollers.
func (l *Local) Roster() *Roster {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.guests.expire(time.Now()) || l.roster == nil {
		l.roster = newRoster()
		l.guests.addTo(l.roster, l.node)
		for _, p := range l.guests.pollers {
			l.roster.add(l.node, p.entry)
		}
	}
	return l.roster
}

// Online looks the users up in the roster.
func (l *Local) Online(_ context.Context, users []string) []string {
	return onlineOf(l.Roster(), users)
}

func onlineOf(r *Roster, users []string) (online []string) {
	for _, id := range users {
		if r.Users[id] != nil {
			online = append(online, id)
		}
	}
	return online
}
