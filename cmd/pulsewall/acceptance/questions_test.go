package acceptance

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport/client"
)

// questions are the six of clustered push, as programs ask them.
var questions = []struct {
	name string
	ask  func(q *question)
}{
	{"client and server alone", aloneWithServer},
	{"server to all", serverToAll},
	{"how many are online", howManyOnline},
	{"server to chosen users", serverToChosen},
	{"the scheduled push", scheduledPush},
	{"client to other clients", clientToOthers},
}

// TestQuestions asks each of the six questions on one node and on three over Hazelcast, of programs on each transport.
func TestQuestions(t *testing.T) {
	t.Parallel()
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	one, three := newForum(t, 1, ""), newForum(t, 3, m.Addr())
	together(t, three)
	places := []struct {
		name  string
		nodes []*site
	}{{"one node", one}, {"three nodes", three}}
	number := 0
	for _, row := range questions {
		for _, place := range places {
			for _, transport := range []client.Transport{client.WebSocket, client.SSE, client.LongPoll} {
				number++
				q := &question{nodes: place.nodes, transport: transport, number: number}
				t.Run(fmt.Sprint(row.name, ", ", place.name, ", ", transport), func(t *testing.T) {
					t.Parallel()
					q.t = t
					row.ask(q)
				})
			}
		}
	}
}

// newForum serves nodes with a feed that all share and one that each user has alone, over the member at addr if there is one.
func newForum(t *testing.T, n int, addr string) (nodes []*site) {
	t.Helper()
	ours, mine := &counter{whole: true, rows: 25}, &counter{perUser: true, rows: 3}
	for i := range n {
		opts := dashboard.Options{
			Node: fmt.Sprint("node-", i+1),
			Feeds: []feeds.Feed{
				{Name: "ours", Source: ours, Interval: time.Second},
				{Name: "mine", Source: mine, Interval: time.Second},
			},
			Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "ours"}}}},
			Limits: dashboard.Limits{MessagesPerSecond: 10_000},
		}
		if addr != "" {
			opts.Cluster = func(j dashboard.Joining) (cluster.Cluster, error) {
				return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{Addresses: []string{addr}, Status: j.Status, Logger: j.Logger}), nil
			}
		}
		nodes = append(nodes, newSite(t, opts))
	}
	return nodes
}

// aloneWithServer: what one asks for, it alone gets.
func aloneWithServer(q *question) {
	asker, other := q.guest(0, client.Options{}), q.guest(1, client.Options{})
	sub, err := asker.Subscribe(q.t.Context(), "mine/-/1/2")
	if want := fmt.Sprint("mine/", q.user(0), "/1/2"); err != nil || sub != want {
		q.t.Fatalf("Subscribe = %q, %v; want %s", sub, err, want)
	}
	r := next(asker, func(r client.Reading) bool { return r.Sub == sub && r.Page != nil })
	if note := r.Page.Records[0]["note"]; note != q.user(0) || len(r.Page.Records) != 2 {
		q.t.Errorf("the page of %s has %d records of %v", q.user(0), len(r.Page.Records), note)
	}
	_, err = asker.Subscribe(q.t.Context(), "nothing/-/1/2")
	var p *client.Problem
	if !errors.As(err, &p) || p.Status != 404 {
		q.t.Errorf("Subscribe to nothing = %v; want 404", err)
	}
	q.fence(asker, other)
	for _, e := range other.had() {
		if r, is := e.(client.Reading); is {
			q.t.Errorf("the other got %s", r.Sub)
		}
	}
}

// serverToAll: a program beside the nodes, which follows nothing, says something to everybody, through any node.
func serverToAll(q *question) {
	guests := q.guests(client.Options{})
	var said []string
	for node := range q.nodes {
		program := client.New(client.Options{URL: q.nodes[node].URL, UnionID: q.user(99)})
		said = append(said, q.through(program, client.To{All: true}, "to all through ", node))
		receipt, err := program.SendAs(q.t.Context(), said[node], client.To{All: true}, said[node])
		if err != nil || receipt.Online < 1 {
			q.t.Fatalf("SendAs = %+v, %v", receipt, err)
		}
		for _, g := range guests {
			next(g, func(m client.Message) bool { return m.ID == receipt.ID && m.From.UnionID == q.user(99) })
		}
	}
	q.fence(guests...)
	for node := range q.nodes {
		q.got(said[node], 1, guests...)
	}
}

// howManyOnline: everybody is told how many are on all nodes, and how many in a room; and a node that is asked knows who left.
func howManyOnline(q *question) {
	o := client.Options{Presence: true, Rooms: []string{q.room()}, Subs: []string{"ours/-/1/1"}}
	guests := q.guests(o)
	leaver := q.guest(0, o)
	n := len(guests) + 1
	for _, g := range append(guests, leaver) {
		next(g, func(p client.Presence) bool {
			return p.Users >= n && p.Connections >= n && len(p.Nodes) == len(q.nodes) && !p.Degraded
		})
		next(g, func(r client.Room) bool { return r.Name == q.room() && r.Users == n && r.Connections == n })
	}
	leaver.leave()
	polled := 0
	if q.transport == client.LongPoll {
		polled = 1 // a poller counts for 30 s after its last answer, which may be over
	}
	for _, node := range q.nodes { // who asks is not held to one answer in 5 s, as who is told
		eventually(q.t, 30*time.Second, func() error {
			room := roomOf(q.t, node, q.room())
			if left := n - room.Users; room.Users != room.Connections || left != 1 && left != 1-polled {
				return fmt.Errorf("%s knows of %d users and %d connections in the room; want %d", node.URL, room.Users, room.Connections, n-1)
			}
			return nil
		})
	}
}

// roomOf is what a node answers when asked who is in a room.
func roomOf(t *testing.T, node *site, name string) (room client.Room) {
	t.Helper()
	_, body := get(t, node.URL+"/api/presence?room="+name)
	if err := json.Unmarshal([]byte(body), &room); err != nil {
		t.Fatalf("room %s: %v", body, err)
	}
	return room
}

// serverToChosen: a message to users reaches them wherever they are, and nobody else; the sender is told who was found.
func serverToChosen(q *question) {
	guests := q.guests(client.Options{Rooms: []string{q.room()}})
	chosen, others := guests[:2], append(guests[2:], q.guest(0, client.Options{}))
	program := client.New(client.Options{URL: q.nodes[0].URL, UnionID: q.user(99)})
	absent := q.user(98)
	to := client.To{Users: []string{chosen[0].user, chosen[1].user, absent}}
	said := q.through(program, to, "chosen")
	eventually(q.t, 30*time.Second, func() error { // presence of the other nodes takes a moment
		receipt, err := program.SendAs(q.t.Context(), said, to, said)
		if err != nil || len(receipt.Here) != 2 || !slices.Equal(receipt.Away, []string{absent}) {
			return fmt.Errorf("receipt %+v, %w; want two here and %s away", receipt, err, absent)
		}
		return nil
	})
	to.Room = q.room()
	inRoom := q.through(program, to, "chosen in the room")
	q.fence(append(slices.Clone(chosen), others...)...)
	for _, data := range []string{said, inRoom} {
		q.got(data, 1, chosen...) // though it was sent again under its key
		q.got(data, 0, others...)
	}
}

// scheduledPush: the feed is polled once an interval, and everybody gets each reading, the same one on all nodes.
func scheduledPush(q *question) {
	const readings = 3
	guests := q.guests(client.Options{Subs: []string{"ours/-/1/10"}})
	polls := make(map[int64]float64) // by version
	var first, last client.Reading
	for _, g := range guests {
		var before client.Reading
		for range readings {
			r := next(g, func(r client.Reading) bool { return r.Status == client.OK && r.Version > before.Version })
			poll := r.Page.Records[0]["poll"].(float64)
			if known, is := polls[r.Version]; is && known != poll {
				q.t.Errorf("version %d is of poll %v and of poll %v", r.Version, known, poll)
			}
			polls[r.Version] = poll
			if first.Page == nil || r.Version < first.Version {
				first = r
			}
			if r.Version > last.Version {
				last = r
			}
			before = r
		}
	}
	span := time.Duration(last.Version-first.Version) * time.Microsecond
	if n := polls[last.Version] - polls[first.Version]; n > span.Seconds()+2.5 { // a busy machine ends one late
		q.t.Errorf("%v polls in %v; want one in a second on all nodes together", n, span)
	}
}

// clientToOthers: what one says in a room, those in it get, wherever they are, and nobody else.
func clientToOthers(q *question) {
	inside := q.guests(client.Options{})
	outside := q.guest(1, client.Options{})
	for _, g := range inside {
		if err := g.Join(q.t.Context(), q.room()); err != nil {
			q.t.Fatal(err)
		}
	}
	var said []string
	for i, speaker := range inside {
		said = append(said, q.through(speaker.Client, client.To{Room: q.room()}, "said by ", i))
	}
	q.fence(inside...) // who leaves misses what has not come yet
	gone := inside[0]
	if err := gone.Leave(q.t.Context(), q.room()); err != nil {
		q.t.Fatal(err)
	}
	after := q.through(inside[1].Client, client.To{Room: q.room()}, "after it left")
	q.fence(append(slices.Clone(inside), outside)...)
	for i, speaker := range inside {
		q.got(said[i], 1, inside...)
		q.got(said[i], 0, outside)
		m := next(inside[1], func(m client.Message) bool { return m.From.UnionID == speaker.user })
		if m.Room != q.room() {
			q.t.Errorf("message in room %q; want %q", m.Room, q.room())
		}
	}
	q.got(after, 1, inside[1:]...)
	q.got(after, 0, gone, outside)
}
