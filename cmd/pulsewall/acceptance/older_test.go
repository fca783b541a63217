package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestOlderClients has pages that were written for another server open two nodes over Hazelcast, which know them by /msg, /message and
// /index/hello1.
func TestOlderClients(t *testing.T) {
	t.Parallel()
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	source := &userCounter{counter: counter{perUser: true, rows: 25}}
	var nodes []*site
	for i := range 2 {
		nodes = append(nodes, newSite(t, dashboard.Options{
			Node:   fmt.Sprint("node-", i+1),
			Feeds:  []feeds.Feed{{Name: "mine", Source: source, Interval: 10 * time.Second}},
			Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "mine"}}}},
			Limits: dashboard.Limits{MessagesPerSecond: 10_000},
			Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{Addresses: []string{m.Addr()}, Status: j.Status, Logger: j.Logger}), nil
			},
		}))
	}
	together(t, nodes)
	for name, use := range map[string]func(*testing.T, []*site){
		"pages pushed": func(t *testing.T, nodes []*site) { pagesPushed(t, nodes, source) },
		"one to many":  linkSends,
		"all to all":   allHear,
		"identities":   whoItIsNow,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			use(t, nodes)
		})
	}
}

// userCounter is a counter that knows whom each poll was for.
type userCounter struct {
	counter
	users sync.Map // of *atomic.Int64
}

func (c *userCounter) Poll(ctx context.Context, q feeds.Query) (feeds.Result, error) {
	n, _ := c.users.LoadOrStore(q.UnionID, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
	return c.counter.Poll(ctx, q)
}

func (c *userCounter) of(user string) int {
	n, _ := c.users.LoadOrStore(user, new(atomic.Int64))
	return int(n.(*atomic.Int64).Load())
}

// sendTo sends data to users through a node.
func sendTo(t *testing.T, n *site, data string, users ...string) {
	t.Helper()
	body := fmt.Sprintf(`{"to":{"users":["%s"]},"data":%q}`, strings.Join(users, `","`), data)
	resp, err := http.Post(n.URL+"/api/messages", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Fatalf("send to %v: %s", users, resp.Status)
	}
}

// pagesPushed: 200 pages with the same parameters get theirs at once and every 10 s, for one poll an interval; what one of them says is
// answered at once and changes who it is, and neither that nor junk its push. Five pushes each with PULSEWALL_LONG, else two.
func pagesPushed(t *testing.T, nodes []*site, source *userCounter) {
	pushes, began := 2, time.Now()
	if isLong() {
		pushes = 5
	}
	talker := openOlder(t, nodes[0], "/msg", `{"unionId":101}`)
	var pages []*olderPage
	for i := range 199 {
		pages = append(pages, openOlder(t, nodes[i%2], "/msg", `{"unionId":101}`))
	}
	last := make(map[*olderPage]olderText)
	for _, p := range append(pages, talker) {
		first := p.gets()
		if got := first.tells(); got != "page of 101" {
			t.Fatalf("first: %.300s; want a page of 10", got)
		}
		last[p] = first
	}
	talker.say(`{"unionId":102}`, `junk`, `{"unionId":"x"}`, `{}`)
	for _, want := range []string{"time", "error", "error", "time"} {
		if got := talker.hears().tells(); got != want {
			t.Errorf("an answer: %s; want %s", got, want)
		}
	}
	sendTo(t, nodes[1], "for 102", "102")
	sendTo(t, nodes[1], "for 101", "101")
	if got := talker.hears().tells(); got != "for 102" {
		t.Errorf("talker: %s; want the message for who it is now", got)
	}
	for _, p := range pages {
		if got := p.hears().tells(); got != "for 101" {
			t.Errorf("another: %s; want the message for who it is", got)
		}
	}
	var longest, shortest = time.Duration(0), time.Hour
	for range pushes - 1 {
		for _, p := range append(pages, talker) {
			push := p.gets()
			if got := push.tells(); got != "page of 101" {
				t.Fatalf("push: %.300s; want a page of 10, and of the user that the first text named", got)
			}
			if was, is := last[p].records()[0]["poll"].(float64), push.records()[0]["poll"].(float64); is < was {
				t.Errorf("a page of poll %v after one of %v", is, was)
			}
			gap := push.at.Sub(last[p].at)
			longest, shortest = max(longest, gap), min(shortest, gap)
			last[p] = push
		}
	}
	took := time.Since(began)
	polls, most := source.of("101"), int(took/(10*time.Second))+2
	t.Logf("200 pages, %d pushes each, %v to %v apart, %d polls in %v", pushes, shortest, longest, polls, took)
	if polls < 1 || polls > most {
		t.Errorf("%d polls in %v; want %d at most", polls, took, most)
	}
	if isLong() && (shortest < 9*time.Second || longest > 11*time.Second) {
		t.Errorf("pushes are %v to %v apart; want 10 s", shortest, longest)
	}
}

// linkSends: a GET at one node sends to every connection of the users it names, on both.
func linkSends(t *testing.T, nodes []*site) {
	var to []*olderPage
	for i, user := range []string{"202", "202", "203"} {
		to = append(to, openOlder(t, nodes[i%2], "/msg?unionId="+user))
	}
	other := openOlder(t, nodes[1], "/msg?unionId=204")
	for node, n := range nodes {
		eventually(t, 30*time.Second, func() error {
			resp, body := get(t, n.URL+"/index/hello1?id=201&idList=202,203&idList=205&key=link")
			if want := `"online":["202","203"],"offline":["205"]`; resp.StatusCode != http.StatusAccepted || !strings.Contains(body, want) {
				return fmt.Errorf("%d %s; want 202 with %s", resp.StatusCode, body, want)
			}
			return nil
		})
		get(t, fmt.Sprintf("%s/index/hello1?id=201&idList=202,203&data=through+%d", n.URL, node))
	}
	for _, p := range to {
		if got := p.hears().tells(); got != "time" { // once, however often its key came
			t.Errorf("first: %s; want the server's time", got)
		}
		for node := range nodes {
			if got, want := p.hears().tells(), fmt.Sprint("through ", node); got != want {
				t.Errorf("got %s; want %s", got, want)
			}
		}
	}
	other.quiet("who was not named")
}

// allHear: what is said on either node both get, in one order; ping nobody gets.
func allHear(t *testing.T, nodes []*site) {
	pages := []*olderPage{openOlder(t, nodes[0], "/message"), openOlder(t, nodes[1], "/message"), openOlder(t, nodes[1], "/message")}
	const each = 50
	var wg sync.WaitGroup
	for i, p := range pages {
		wg.Go(func() {
			for n := range each {
				for _, text := range []string{"ping", fmt.Sprintf("%d of %d", n, i)} {
					if err := p.Send([]byte(text)); err != nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	var order []string
	for i, p := range pages {
		next := make(map[string]int)
		for at := range each * len(pages) {
			got := p.hears().text
			var n, from int
			if _, err := fmt.Sscanf(got, "%d of %d", &n, &from); err != nil || next[fmt.Sprint(from)] != n {
				t.Fatalf("page %d: %q; want each once and in its sender's order", i, got)
			}
			next[fmt.Sprint(from)]++
			if i == 0 {
				order = append(order, got)
			} else if order[at] != got {
				t.Fatalf("page %d: %q at place %d; want %q as elsewhere", i, got, at, order[at])
			}
		}
	}
	for i, p := range pages {
		p.quiet(fmt.Sprint("page ", i))
	}
}

// whoItIsNow: while messages for two users keep coming through the other node, a page that becomes the second one gets what is for the
// first up to one place and what is for the second from there, each once; and it is found as the second on both nodes.
func whoItIsNow(t *testing.T, nodes []*site) {
	page := openOlder(t, nodes[0], "/msg?unionId=301")
	const total = 60
	for n := range total {
		sendTo(t, nodes[1], fmt.Sprint(n), []string{"301", "302"}[n%2])
		if n == total/2 {
			page.say(`{"unionId":302}`)
		}
	}
	sendTo(t, nodes[1], "end", "301", "302")
	var got []string
	for text := page.hears(); text.text != "end"; text = page.hears() {
		if text.tells() != "time" {
			got = append(got, text.text)
		}
	}
	found := false
	for cut := range total + 1 {
		var want []string
		for n := range total {
			if (n%2 == 0) == (n < cut) {
				want = append(want, fmt.Sprint(n))
			}
		}
		found = found || fmt.Sprint(want) == fmt.Sprint(got)
	}
	if !found {
		t.Errorf("got %v; want what is for 301 up to a place and what is for 302 from there", got)
	}
	for _, n := range nodes {
		eventually(t, 30*time.Second, func() error {
			_, first := get(t, n.URL+"/api/presence/users/301")
			_, second := get(t, n.URL+"/api/presence/users/302")
			if !strings.Contains(first, `"connections":0`) || !strings.Contains(second, `"transports":{"msg":1},"nodes":["node-1"]`) {
				return fmt.Errorf("%s %s; want 302 on node-1 alone", first, second)
			}
			return nil
		})
	}
}
