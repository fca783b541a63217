package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// guide is docs/coming-from.md with two nodes: its examples, on a site of another origin, as pages of each node.
type guide struct {
	examples map[string]string
	origin   string
	nodes    []*site
	source   *counter
	began    time.Time
}

func newGuide(t *testing.T) *guide {
	t.Helper()
	doc, err := os.ReadFile("../../../docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	g := &guide{examples: make(map[string]string), source: &counter{whole: true, rows: 25}, began: time.Now()}
	for _, found := range regexp.MustCompile("(?ms)^```\\w+ (\\S+)\n(.*?)^```").FindAllSubmatch(doc, -1) {
		g.examples[string(found[1])] = string(found[2])
	}
	client := sockJSClient(t)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{node}/{page}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(g.of(r.PathValue("page"), map[string]int{"1": 0, "2": 1}[r.PathValue("node")])))
	})
	mux.HandleFunc("GET /sockjs.min.js", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, filepath.Join(client, "node_modules/sockjs-client/dist/sockjs.min.js"))
	})
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	pages := httptest.NewServer(mux)
	t.Cleanup(pages.Close)
	g.origin = pages.URL
	m, err := member.Start(t.Context(), member.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	for i := range 2 {
		g.nodes = append(g.nodes, newSite(t, dashboard.Options{
			Node: fmt.Sprint("node-", i+1), Origins: []string{g.origin}, Boards: []dashboard.Board{},
			Feeds: []feeds.Feed{{Name: "counter", Source: g.source, Interval: 10 * time.Second}},
			Cluster: func(j dashboard.Joining) (cluster.Cluster, error) {
				return cluster.NewHazelcast(j.Node, j.Handler, cluster.Options{Addresses: []string{m.Addr()}, Status: j.Status, Logger: j.Logger}), nil
			},
		}))
	}
	together(t, g.nodes)
	return g
}

// of is an example with the address of a node.
func (g *guide) of(name string, node int) string {
	address := strings.TrimPrefix(g.nodes[node].URL, "http://")
	return strings.NewReplacer("wss://wall.example", "ws://"+address, "https://wall.example", "http://"+address).Replace(g.examples[name])
}

// open opens an example of a node, and waits until its title says that it is open.
func (g *guide) open(t *testing.T, name string, node int) *tab {
	t.Helper()
	if g.examples[strings.Split(name, "?")[0]] == "" {
		t.Fatalf("docs/coming-from.md has no example %s", name)
	}
	p := newTab(t)
	p.open(fmt.Sprintf("%s/%d/%s", g.origin, node+1, name))
	return p
}

func (g *guide) opened(t *testing.T, name string) (first, second *tab) {
	t.Helper()
	first, second = g.open(t, name, 0), g.open(t, name, 1)
	for _, p := range []*tab{first, second} {
		p.until(slowly, `document.title === "open"`)
	}
	return first, second
}

// lists waits until a list shows just these texts.
func lists(p *tab, id string, want ...string) {
	p.t.Helper()
	list, err := json.Marshal(want)
	p.must(err)
	p.until(slowly, fmt.Sprintf(`JSON.stringify([].map.call(document.querySelectorAll("#%s li"), function (li) { return li.textContent; })) === JSON.stringify(%s)`, id, list))
}

// TestComingFrom opens the examples of docs/coming-from.md on two nodes, and holds against them what stands in the tables there.
func TestComingFrom(t *testing.T) {
	t.Parallel()
	g := newGuide(t)
	for _, c := range []struct {
		name string
		test func(*testing.T, *guide)
	}{
		{"table", comingByTable}, {"everybody", comingByTexts}, {"channel", comingByChannel}, {"SockJS", comingBySockJS}, {"orders", comingByBroker},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, g)
		})
	}
}

// comingByTable: a pushed table, one poll for both pages, texts by link and by form from another page, junk that ends nothing.
func comingByTable(t *testing.T, g *guide) {
	a, b := g.open(t, "table.html", 0), g.open(t, "table.html", 1)
	for _, p := range []*tab{a, b} {
		p.until(slowly, `document.querySelectorAll("#rows li").length === 10 && document.getElementById("state").textContent === "1 of 3"`)
	}
	first, err := eval[string](a, `document.getElementById("rows").textContent`)
	a.must(err)
	if polls, passed := g.source.count(), time.Since(g.began); polls > int(passed/(10*time.Second))+1 {
		t.Errorf("%d polls in %v for the same table on two nodes; want one in 10 s", polls, passed)
	}
	var hello *tab
	for alone := true; alone; { // for a moment, on a busy machine: what is said then is for that node's pages, and the answer says so
		together(t, g.nodes)
		hello = g.open(t, "hello.html", 1)
		hello.until(slowly, `document.getElementById("answer").textContent.indexOf('"online":["2"],"offline":["3"]') > 0`)
		alone, err = eval[bool](hello, `document.getElementById("answer").textContent.indexOf('"degraded":true') > 0`)
		hello.must(err)
		if alone {
			b.act(`document.getElementById("texts").textContent = ""`)
		}
	}
	for _, p := range []*tab{a, b} {
		lists(p, "texts", "hello by link")
	}
	hello.uncomplaining()
	together(t, g.nodes)
	hello.click("button")
	for _, p := range []*tab{a, b} {
		lists(p, "texts", "hello by link", "hello by form")
	}
	a.act(`socket.send("junk")`)
	a.until(slowly, `/^{"error":/.test(document.querySelector("#texts li:last-child").textContent)`)
	a.act(`socket.send("{}")`)
	a.until(slowly, `new Date(document.querySelector("#texts li:last-child").textContent).getFullYear() > 2000`)
	if isLong() { // the push goes on
		a.until(slowly, fmt.Sprintf(`document.getElementById("rows").textContent !== %q`, first))
	}
	a.uncomplaining()
	b.uncomplaining()
}

// comingByTexts: what one says both get, in one order, and a heartbeat nobody; who comes late finds it.
func comingByTexts(t *testing.T, g *guide) {
	a, b := g.opened(t, "everybody.html")
	a.act(`socket.send("<b>one</b>"); socket.send("ping")`)
	lists(b, "texts", "<b>one</b>")
	b.act(`socket.send("two")`)
	for _, p := range []*tab{a, b} {
		lists(p, "texts", "<b>one</b>", "two")
		p.uncomplaining()
	}
	if _, kept := get(t, g.nodes[0].URL+"/api/messages?room=message"); !strings.Contains(kept, `"two"`) {
		t.Errorf("kept: %s", kept)
	}
}

// comingByChannel: frames pass from node to node unchanged, both ways; a taken end is refused.
func comingByChannel(t *testing.T, g *guide) {
	resp, err := http.Post(g.nodes[0].URL+"/api/channels", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ ChannelID string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || resp.StatusCode != http.StatusCreated {
		t.Fatalf("POST /api/channels: %s, %v", resp.Status, err)
	}
	web := g.open(t, "channel.html?type=web&channelId="+made.ChannelID, 0)
	web.until(slowly, `document.title === "open"`)
	app := g.open(t, "channel.html?type=app&channelId="+made.ChannelID, 1)
	app.until(slowly, `document.title === "open"`)
	framesReach(web, app)
	framesReach(app, web)
	web.act(`socket.send(new Uint8Array([0, 255, 128])); socket.send(new Uint8Array([7]))`)
	lists(app, "frames", "0 255 128", "7")
	app.act(`socket.send(new Uint8Array([1, 2, 3]))`)
	lists(web, "frames", "1 2 3")
	web.uncomplaining()
	app.uncomplaining()
	second := g.open(t, "channel.html?type=web&channelId="+made.ChannelID, 1)
	second.until(slowly, `socket.readyState === WebSocket.CLOSED && document.title !== "open"`)
	web.act(`socket.send(new Uint8Array([8]))`)
	lists(app, "frames", "0 255 128", "7", "8")
}

// framesReach sends from one end of a channel until the other has it: frames are dropped while it is not known where that is.
func framesReach(from, to *tab) {
	from.t.Helper()
	tries, sent := 0, time.Time{}
	eventually(from.t, slowly, func() error {
		if time.Since(sent) > 2*time.Second {
			tries, sent = tries+1, time.Now()
			from.act(fmt.Sprintf("socket.send(new Uint8Array([%d]))", tries))
		}
		last, err := eval[string](to, `(document.querySelector("#frames li:last-child") || document.createElement("li")).textContent`)
		if err == nil && last != fmt.Sprint(tries) {
			err = fmt.Errorf("frame %d has not come; the last is %q", tries, last)
		}
		return err
	})
	to.act(`document.getElementById("frames").textContent = "";`)
}

// comingBySockJS: one room on both nodes; what is too long its sender alone hears of.
func comingBySockJS(t *testing.T, g *guide) {
	a, b := g.opened(t, "sockjs.html")
	a.act(`sock.send("one")`)
	lists(b, "texts", "one")
	b.act(`sock.send(new Array(9000).join("x")); sock.send("two")`)
	lists(a, "texts", "one", "two")
	b.until(slowly, `/^{"error":/.test(document.querySelectorAll("#texts li")[1].textContent)`)
	a.uncomplaining()
	b.uncomplaining()
	if _, kept := get(t, g.nodes[1].URL+"/api/messages?room=sockjs"); !strings.Contains(kept, `"two"`) {
		t.Errorf("kept: %s", kept)
	}
}

// comingByBroker: a command publishes, pages on both nodes get it; a repeat goes to nobody; who was away gets what was missed, once.
func comingByBroker(t *testing.T, g *guide) {
	tool(t, "curl", "curl")
	publish := func(node int, state string) (answer struct {
		ID     string
		Online int
	}) {
		t.Helper()
		command := strings.ReplaceAll(g.of("publish.sh", node), "shipped", state)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output() // #nosec G204 -- of the documentation
		if err == nil {
			err = json.Unmarshal(out, &answer)
		}
		if err != nil || answer.ID == "" {
			t.Fatalf("%s: %s, %v", command, out, err)
		}
		return answer
	}
	a, b := g.opened(t, "orders.html")
	eventually(t, slowly, func() error {
		if p := g.room(t, 0, "orders"); p != 2 {
			return fmt.Errorf("%d are in the room; want 2", p)
		}
		return nil
	})
	first := publish(0, "shipped")
	if first.Online != 2 {
		t.Errorf("online: %d; want 2", first.Online)
	}
	for _, p := range []*tab{a, b} {
		lists(p, "orders", "4711 shipped")
	}
	if again := publish(1, "shipped"); again.ID != first.ID {
		t.Errorf("a repeat has id %s; want the first one's, %s", again.ID, first.ID)
	}
	address, err := eval[string](b, `location.href`)
	b.must(err)
	b.open("about:blank")
	publish(0, "paid")
	publish(1, "closed")
	lists(a, "orders", "4711 shipped", "4711 paid", "4711 closed")
	b.open(address)
	lists(b, "orders", "4711 paid", "4711 closed")
	a.uncomplaining()
}

// room is how many connections a node counts in a room.
func (g *guide) room(t *testing.T, node int, name string) int {
	t.Helper()
	var p struct{ Connections int }
	_, body := get(t, g.nodes[node].URL+"/api/presence?room="+name)
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return p.Connections
}
