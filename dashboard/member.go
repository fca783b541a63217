package dashboard

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// member is this node's part in the cluster: it hands over what the hub and the scheduler have for the other nodes, and to them what
// comes from there. It does nothing else.
type member struct{ d *Dashboard }

// wantedFor is how long a poll that another node wants is kept going after that node said so last. It says so every 3 s.
const wantedFor = 10 * time.Second

// Deliver gives the hub the next message of the order.
func (m member) Deliver(item cluster.Item) { m.d.hub.Append(m.item(item)) }

// Restart says that the order began anew after a place, and what is kept of it.
func (m member) Restart(epoch string, after int64, kept []cluster.Item) {
	items := make([]transport.Item, len(kept))
	for i, item := range kept {
		items[i] = m.item(item)
	}
	m.d.hub.Restart(epoch, after, items)
}

// item reads a message as the cluster carries it.
func (m member) item(item cluster.Item) transport.Item {
	out := transport.Item{Position: transport.Position(item.Position), Key: item.Key}
	if err := json.Unmarshal(item.Data, &out.Message); err != nil { // only another version of this program can have written it
		m.d.foreign.message.Do(func() {
			m.d.log.Error("unreadable message; further ones are not logged", "seq", item.Seq, "err", err)
		})
		out.Message = transport.Message{} // for nobody, but it has its place
	}
	return out
}

// Reading gives the scheduler what another node polled.
func (m member) Reading(r cluster.Reading) {
	if err := m.d.scheduler.Accept(r.Sub, feeds.Remote{Version: r.Version, Shift: r.Shift, Kept: r.Kept, Data: r.Data}); err != nil {
		m.d.foreign.reading.Do(func() {
			m.d.log.Error("unreadable reading; further ones are not logged", "subscription", r.Sub, "node", r.From, "err", err)
		})
	}
}

// Streaming returns those of the sessions that have a stream here.
func (m member) Streaming(sessions []string) []string { return m.d.hub.Streaming(sessions) }

// Changed tells the sessions, and keeps going what other nodes want of this one's machine.
func (m member) Changed() {
	m.d.hub.Changed()
	if !m.d.cluster.State().Degraded {
		m.d.joining.end()
		m.d.scheduler.Rejoined()
	}
	for _, n := range m.d.cluster.Nodes() {
		if n.Self || n.Gone {
			continue
		}
		for _, poll := range statusOf(n).wantsOf(m.d.opts.Node) {
			if err := m.d.scheduler.WantFor(poll, time.Now().Add(wantedFor)); err != nil {
				m.d.log.Debug("wanted elsewhere", "subscription", poll, "node", n.Name, "err", err)
			}
		}
	}
}

// Claim takes a poll for this node.
func (m member) Claim(ctx context.Context, poll string, version int64, attempt int, keep time.Duration) (bool, error) {
	return m.d.cluster.Claim(ctx, cluster.ClaimName(poll, version, attempt), keep)
}

// Want has what other nodes poll given to Reading.
func (m member) Want(ctx context.Context, poll string) (newest feeds.Remote, ok bool, err error) {
	if m.d.errands.isNew(poll) {
		m.d.cluster.Announce() // only one node can make it
	}
	r, ok, err := m.d.cluster.Want(ctx, poll)
	return feeds.Remote{Version: r.Version, Shift: r.Shift, Kept: r.Kept, Data: r.Data}, ok, err
}

// Unwant ends what Want began.
func (m member) Unwant(poll string) {
	m.d.errands.end(poll)
	m.d.cluster.Unwant(poll)
}

// Publish sends what this node polled to the others. A node that is alone has none.
func (m member) Publish(ctx context.Context, poll string, version int64, keep time.Duration, data func() []byte) error {
	alone := m.d.cluster.State().Degraded
	err := m.d.cluster.Publish(ctx, poll, version, keep, data)
	if alone || m.d.cluster.State().Degraded {
		return feeds.ErrAlone
	}
	return err
}

// Knows says whether there is or was a node of that name.
func (m member) Knows(node string) (known, alive bool) {
	for _, n := range m.d.cluster.Nodes() {
		if n.Name == node {
			known, alive = true, alive || !n.Gone
		}
	}
	return known, alive
}

// Enter says which streams a user has on this node.
func (m member) Enter(e transport.Entry) { m.d.cluster.Enter(cluster.Entry(e)) }

// Poll says that a session without a stream is here.
func (m member) Poll(session string, e transport.Entry, stays time.Duration) {
	m.d.cluster.Poll(session, cluster.Entry(e), stays)
}

// Unpoll says that it polls no more.
func (m member) Unpoll(session string) { m.d.cluster.Unpoll(session) }

// Online returns those of the users who are connected to any node.
func (m member) Online(ctx context.Context, users []string) []string {
	return m.d.cluster.Online(ctx, users)
}

// Census returns who is online on all nodes.
func (m member) Census() transport.Census { return census{m.d.cluster.Roster()} }

// census is a roster as the hub reads it.
type census struct{ *cluster.Roster }

func (c census) Totals() (users, connections int) { return len(c.Roster.Users), c.Connections }

func (c census) Room(name string) (connections int, users map[string]int) {
	if room := c.Rooms[name]; room != nil {
		return room.Connections, room.Users
	}
	return 0, nil
}

func (c census) Users() []transport.UserPresence { return usersOf(c.Roster) }
