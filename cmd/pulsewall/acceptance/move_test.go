package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/transport/client"
)

// move is that a nomad left or joined a room. What stands up to low came to it as it was before, what stands from high on, or after low where
// they are the same, as it is afterwards; nobody outside of the node can know which of the two what is between.
type move struct {
	room      string
	enters    bool
	low, high place
	settled   bool // high is known
}

// choose picks a room to leave or to join.
func (n *nomad) choose() move {
	room := fmt.Sprint("r", rand.IntN(10))
	return move{room: room, enters: !slices.Contains(n.rooms, room)}
}

// moved changes the rooms, from where the nomad is.
func (n *nomad) moved(m move) {
	var err error
	if m.low, err = parsePlace(n.after); err != nil {
		n.problem = fmt.Errorf("cursor %q: %w", n.after, err)
	}
	n.asked = nil
	n.moves = append(n.moves, m)
	n.rooms = slices.DeleteFunc(slices.Clone(n.rooms), func(room string) bool { return room == m.room })
	if m.enters {
		n.rooms = append(n.rooms, m.room)
	}
}

// settle notes from where on the last move holds: from here.
func (n *nomad) settle() {
	if len(n.moves) == 0 || n.moves[len(n.moves)-1].settled {
		return
	}
	last := &n.moves[len(n.moves)-1]
	last.high, _ = parsePlace(n.after) // it was read before
	last.settled = true
}

// ask has the node let the nomad leave or join in band.
func (n *nomad) ask(c *socket) {
	m := n.choose()
	op := map[string]string{"op": "leave", "ref": "1", "room": m.room}
	if m.enters {
		op["op"] = "join"
	}
	text, _ := json.Marshal(op) // strings only
	n.asked = &m
	if c.send(1, text) != nil { // the connection has ended, as next will tell
		n.asked = nil
	}
}

// isFor says whether a letter at a place is for the nomad. It may be that nobody knows: see move.
func (n *nomad) isFor(l *letter, at place) (yes, known bool) {
	if l.room == "" || !slices.ContainsFunc(n.moves, func(m move) bool { return m.room == l.room }) {
		return l.isFor(n.user, n.rooms), true
	}
	if !l.isFor(n.user, []string{l.room}) {
		return false, true
	}
	if n.resets > 0 || len(l.alone) > 0 { // it may have been at a place twice, or the letter at two places
		return false, false
	}
	for _, m := range n.moves {
		if m.room != l.room {
			continue
		}
		if at.life != "" || at.epoch != m.low.epoch || at.epoch != m.high.epoch {
			return false, false
		}
		switch {
		case at.seq <= m.low.seq:
			return !m.enters, true
		case at.seq < m.high.seq:
			return false, false
		}
		yes = m.enters
	}
	return yes, true
}

// moved fails when nobody left or joined rooms on the way. How many did in band, a busy machine decides in a short test.
func (j *journey) moved() {
	j.t.Helper()
	moves, between := 0, 0
	for _, n := range j.nomads {
		moves += len(n.moves)
		for _, m := range n.moves {
			if m.low == m.high {
				between++
			}
		}
	}
	j.t.Logf("rooms were left or joined %d times, %d of them in band while letters came", moves, moves-between)
	if between == 0 || isLong() && moves == between {
		j.t.Error("rooms were left and joined in one way only")
	}
}

// visitAs follows a node as the package for programs does.
func (n *nomad) visitAs(ctx context.Context, transport string, here *stay) error {
	c := client.New(client.Options{
		URL: here.on.URL, UnionID: n.user, Rooms: n.rooms, After: n.after, HTTPClient: clients,
		Transports: []client.Transport{map[string]client.Transport{"websocket": client.WebSocket, "sse": client.SSE, "poll": client.LongPoll}[transport]},
	})
	for e, err := range c.Events(ctx) {
		if err != nil || n.problem != nil || n.finished {
			break // the end of the stay, or of the journey
		}
		now := time.Now()
		if _, lost := e.(client.Lost); lost && here.from.IsZero() {
			continue // nobody is there yet
		} else if lost {
			break
		}
		if here.from.IsZero() {
			here.from = now
		}
		here.to = now
		was := event{ID: c.Cursor()}
		switch e := e.(type) {
		case client.Message:
			was.Event = "message"
			was.Data, _ = json.Marshal(map[string]any{"id": e.ID, "data": e.Data}) // as it came
		case client.Reset:
			was.Event = "reset"
			was.Data, _ = json.Marshal(e)
		}
		n.take(was, "client by "+transport, here.on, now)
	}
	return nil
}
