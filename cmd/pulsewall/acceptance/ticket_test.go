package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// asked is the status of a request with headers ("Name: value"), and what is said in answer; of a stream nothing.
func asked(ctx context.Context, method, url string, header ...string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return 0, "", err
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := clients.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp.StatusCode, "", nil
	}
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body), err
}

// ticketNodes are three nodes over a member that share a secret, and a fourth with one of its own.
func ticketNodes(t *testing.T, addr, token string) []*site {
	t.Helper()
	verify := func(_ context.Context, shown string) (auth.Person, error) {
		if shown != token {
			return auth.Person{}, auth.ErrBadToken
		}
		return auth.Person{UnionID: "7", Until: time.Now().Add(time.Hour)}, nil
	}
	nodes := make([]*site, 4)
	for i := range nodes {
		key := []byte("what the nodes share")
		if i == 3 {
			key = nil
		}
		nodes[i] = newSite(t, dashboard.Options{
			Node:   fmt.Sprint("node-", i+1),
			Feeds:  []feeds.Feed{{Name: "counter", Source: &counter{whole: true, rows: 10}, Interval: time.Minute}},
			Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "counter"}}}},
			Auth:   &dashboard.Auth{Verify: verify, TicketKey: key},
			Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{Addresses: []string{addr}, Status: j.Status, Logger: j.Logger}), nil
			},
		})
	}
	eventually(t, slowly, func() error {
		for i, n := range nodes {
			var p struct {
				Nodes    []string
				Degraded bool
			}
			_, body, err := asked(t.Context(), http.MethodGet, n.URL+"/api/presence", "Authorization: Bearer "+token)
			if err = errors.Join(err, json.Unmarshal([]byte(body), &p)); err != nil {
				return err
			}
			if len(p.Nodes) != len(nodes) || p.Degraded {
				return fmt.Errorf("node %d sees %s", i+1, body)
			}
		}
		return nil
	})
	return nodes
}

// ticketOf is a new ticket of a node.
func ticketOf(t *testing.T, n *site, token string) string {
	t.Helper()
	status, body, err := asked(t.Context(), http.MethodPost, n.URL+"/api/tickets", "Authorization: Bearer "+token)
	var got struct{ Ticket string }
	if err = errors.Join(err, json.Unmarshal([]byte(body), &got)); err != nil || status != http.StatusCreated {
		t.Fatalf("a ticket: %d %s, %v", status, body, err)
	}
	return got.Ticket
}

// TestTicketOfAnotherNode has tickets of each node shown at all nodes at the same moment, over a real Hazelcast member: each opens one stream, at
// whichever node, and never one where the secret is another.
func TestTicketOfAnotherNode(t *testing.T) {
	t.Parallel()
	const token, tickets = "good", 12
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	nodes := ticketNodes(t, m.Addr(), token)
	use := func(n *site, ticket string) int {
		status, body, err := asked(t.Context(), http.MethodGet, n.URL+"/live/sse?sub=counter&ticket="+ticket, "Accept: text/event-stream")
		if err != nil || status != http.StatusOK && status != http.StatusUnauthorized {
			t.Errorf("%d %s, %v", status, body, err)
		}
		return status
	}
	for i := range tickets {
		ticket := ticketOf(t, nodes[i%3], token)
		got := make([]int, len(nodes))
		var asking sync.WaitGroup
		for at, n := range nodes {
			asking.Go(func() { got[at] = use(n, ticket) })
		}
		asking.Wait()
		opened := len(got) - len(slices.DeleteFunc(slices.Clone(got), func(status int) bool { return status == http.StatusOK }))
		if opened != 1 || got[3] != http.StatusUnauthorized {
			t.Errorf("ticket %d of node %d: %v; want one 200, at one of the first three", i, i%3+1, got)
		}
	}
	far := ticketOf(t, nodes[0], token)
	if first, again, back := use(nodes[1], far), use(nodes[2], far), use(nodes[0], far); first != 200 || again != 401 || back != 401 {
		t.Errorf("of node 1 at node 2, 3, 1: %d, %d, %d; want 200, 401, 401", first, again, back)
	}
	if own := ticketOf(t, nodes[3], token); use(nodes[3], own) != http.StatusOK {
		t.Error("the ticket of a node with a secret of its own is not good there")
	}
}
