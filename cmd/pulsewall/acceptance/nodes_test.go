package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// newNodes serves n nodes that share one counting source and the members at addr.
func newNodes(t *testing.T, n int, addr string, source *counter, interval time.Duration) []*site {
	t.Helper()
	nodes := make([]*site, n)
	for i := range nodes {
		nodes[i] = newSite(t, dashboard.Options{
			Node:   fmt.Sprint("node-", i+1),
			Feeds:  []feeds.Feed{{Name: "counter", Source: source, Interval: interval}},
			Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "counter"}}}},
			Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{Addresses: []string{addr}, Status: j.Status, Logger: j.Logger}), nil
			},
		})
	}
	return nodes
}

// presenceOf is what a node says of who is here.
func presenceOf(t *testing.T, s *site) (p struct {
	Users, Connections int
	Nodes              []string
	Degraded           bool
}) {
	t.Helper()
	_, body := get(t, s.URL+"/api/presence")
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("presence %s: %v", body, err)
	}
	return p
}

// together waits until every node sees all of them.
func together(t *testing.T, nodes []*site) {
	t.Helper()
	eventually(t, 60*time.Second, func() error {
		for i, n := range nodes {
			if p := presenceOf(t, n); len(p.Nodes) != len(nodes) || p.Degraded {
				return fmt.Errorf("node %d sees %v, degraded %v", i+1, p.Nodes, p.Degraded)
			}
		}
		return nil
	})
}

// TestNodes has three nodes over a real Hazelcast member: one poll an interval however many watch on whichever node, one count of who is
// here, messages from any to all, each node alone while the member is gone, and all of it again when there is another.
func TestNodes(t *testing.T) {
	const interval, intervals = 2 * time.Second, 4
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	source := &counter{whole: true, rows: 100}
	nodes := newNodes(t, 3, m.Addr(), source, interval)
	together(t, nodes)

	crowd := newCrowd(t)
	for i := range 30 {
		crowd.watch(nodes[i%3], []string{"websocket", "sse"}[i%2], fmt.Sprint("feed=counter&current=", i%5+1, "&unionId=", i))
	}
	eventually(t, 30*time.Second, func() error {
		for _, n := range nodes {
			if p := presenceOf(t, n); p.Users != 30 || p.Connections != 30 {
				return fmt.Errorf("%d users and %d connections; want 30", p.Users, p.Connections)
			}
		}
		if crowd.heard.Load() < 30 {
			return errors.New("not everybody has a reading")
		}
		return nil
	})
	before := source.count()
	eventually(t, time.Minute, func() error {
		if source.count() < before+intervals {
			return errors.New("too few polls")
		}
		return nil
	})
	polls := source.times()[before : before+intervals]
	if took := polls[intervals-1].Sub(polls[0]); took <= (intervals-2)*interval { // with one more in each interval it would be less
		t.Errorf("%d polls in %v; want one in %v on all nodes together", intervals, took, interval)
	}
	crossing(t, nodes, 0, 2)
	if _, page := get(t, nodes[1].URL+"/d/nodes"); !strings.Contains(page, "node-1") || !strings.Contains(page, "node-3") {
		t.Errorf("the dashboard of the nodes does not show them all:\n%s", page)
	}

	m.Kill()
	eventually(t, 60*time.Second, func() error {
		for i, n := range nodes {
			if p := presenceOf(t, n); !p.Degraded || !slices.Equal(p.Nodes, []string{fmt.Sprint("node-", i+1)}) {
				return fmt.Errorf("node %d sees %v, degraded %v; want itself, alone", i+1, p.Nodes, p.Degraded)
			}
		}
		return nil
	})
	again, err := member.Start(t.Context(), member.Options{Port: m.Port()})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	together(t, nodes)
	crossing(t, nodes, 1, 0)
}

// crossing sends a message on one node to who is on another.
func crossing(t *testing.T, nodes []*site, from, to int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := nodes[to].sse(ctx, "unionId=4711")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	text := fmt.Sprintf("from %d to %d", from, to)
	err = nodes[from].send(ctx, map[string]any{"to": map[string]any{"users": []string{"4711"}}, "data": text, "unionId": "1"})
	if err != nil {
		t.Fatal(err)
	}
	for {
		e, err := conn.next()
		if err != nil {
			t.Fatalf("waiting for %q: %v", text, err)
		}
		var got struct{ Data string }
		if e.Event == "message" && json.Unmarshal(e.Data, &got) == nil && got.Data == text {
			return
		}
	}
}
