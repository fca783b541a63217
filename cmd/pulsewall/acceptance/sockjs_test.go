package acceptance

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
)

// TestSockJS has SockJS's own client in Chromium, on a page of another site, and in Node, by each transport that there is for it, all in one
// room: with one node, and behind nginx and HAProxy with three. What anybody says all get, once, in one order, as it was said.
func TestSockJS(t *testing.T) {
	t.Parallel()
	client := sockJSClient(t)
	page := sockJSPage(t, client)
	t.Run("one node", func(t *testing.T) {
		t.Parallel()
		s := newSite(t, dashboard.Options{Node: "one", Origins: []string{page}})
		sockJSRoom(t, client, page, s)
		wantInRoom(t, s, 0) // behind HAProxy that takes until it writes to those who have gone
	})
	t.Run("three nodes", func(t *testing.T) {
		t.Parallel()
		m, err := member.Start(t.Context(), member.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		nodes := make([]*site, 3)
		for i := range nodes {
			nodes[i] = newSite(t, dashboard.Options{
				Node: fmt.Sprint("node-", i+1), Origins: []string{page},
				Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
					return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{Addresses: []string{m.Addr()}, Status: j.Status, Logger: j.Logger}), nil
				},
			})
		}
		together(t, nodes)
		for _, kind := range []string{"nginx", "haproxy"} {
			t.Run(kind, func(t *testing.T) {
				before := deliveries(t, nodes, "sockjs")
				sockJSRoom(t, client, page, newBalancer(t, kind, hosts(nodes)...))
				shares := deliveries(t, nodes, "sockjs")
				for i := range shares {
					shares[i] -= before[i]
				}
				t.Logf("texts by node: %v", shares)
			})
		}
	})
}

// trap is a text that somebody may take for something else, and have something happen.
const trap = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\u2028\"'\\ %0a\r\n\u202e\U0001f600 a[\"x\"] " +
	`c[2010,"Another connection still open"]`

// sockJSRoom has a client of each transport on each platform meet at a site.
func sockJSRoom(t *testing.T, client, page string, s *site) {
	most := 5
	if os.Getenv("PULSEWALL_LONG") != "" {
		most = 200
	}
	tab := newTab(t)
	tab.open(page)
	var all []sockJSUser
	for _, transport := range []string{"websocket", "xhr-streaming", "eventsource", "xhr-polling", "jsonp-polling"} {
		all = append(all, enterInTab(tab, transport, s.URL+"/sockjs"))
	}
	for _, transport := range []string{"websocket", "xhr-streaming", "eventsource", "xhr-polling"} {
		all = append(all, enterInNode(t, client, transport, s.URL+"/sockjs"))
	}
	for _, u := range all {
		u.opened(t)
	}
	for n := range most {
		for i, u := range all {
			text := fmt.Sprintf("%s %d %d", t.Name(), i, n)
			if n == 1 {
				text += trap
			}
			u.say(t, text)
		}
	}
	want := most * len(all)
	var first []string
	for i, u := range all {
		var texts []string
		eventually(t, slowly, func() error {
			if texts = ofRun(t, u.heard(t)); len(texts) < want {
				return fmt.Errorf("%s heard %d of %d texts", u, len(texts), want)
			}
			return nil
		})
		if i == 0 {
			first = texts
			inOrder(t, texts, len(all), most)
		} else if strings.Join(texts, "\n") != strings.Join(first, "\n") {
			t.Errorf("%s heard other texts, or in another order, than %s:\n%.2000q\n%.2000q", u, all[0], texts, first)
		}
	}
	tab.uncomplaining() // before they leave: by JSONP, the client then finds its own function missing
	for _, u := range all {
		u.leave(t)
	}
	tab.open("about:blank") // a poll by JSONP goes on until its page has gone
}

// wantInRoom waits until so many are in the room.
func wantInRoom(t *testing.T, s *site, n int) {
	t.Helper()
	eventually(t, slowly, func() error {
		if _, body := get(t, s.URL+"/api/presence?room=sockjs"); !strings.Contains(body, fmt.Sprintf(`"connections":%d,`, n)) {
			return fmt.Errorf("%s; want %d connections", body, n)
		}
		return nil
	})
}

// ofRun are the texts of this test: others may be in the room.
func ofRun(t *testing.T, texts []string) (own []string) {
	for _, text := range texts {
		if strings.HasPrefix(text, t.Name()+" ") {
			own = append(own, text)
		}
	}
	return own
}

// inOrder checks that each said each of its texts once, and in order.
func inOrder(t *testing.T, texts []string, users, most int) {
	t.Helper()
	next := make([]int, users)
	for _, text := range texts {
		var i, n int
		tail := strings.TrimPrefix(text, t.Name()+" ")
		if _, err := fmt.Sscanf(tail, "%d %d", &i, &n); err != nil || i >= users || n != next[i] {
			t.Fatalf("text %.200q after %v", text, next)
		}
		if want := fmt.Sprintf("%s %d %d", t.Name(), i, n); text != want && text != want+trap {
			t.Errorf("text %q; want %q, perhaps with the trap", text, want)
		}
		next[i]++
	}
	for i, n := range next {
		if n != most {
			t.Errorf("user %d was heard %d times; want %d", i, n, most)
		}
	}
	if n := strings.Count(strings.Join(texts, "\n"), trap); n != users {
		t.Errorf("the trap came whole %d times; want %d", n, users)
	}
}

// sockJSUser is one SockJS client of the test.
type sockJSUser interface {
	fmt.Stringer
	opened(t *testing.T)
	say(t *testing.T, text string)
	heard(t *testing.T) []string
	leave(t *testing.T)
}
