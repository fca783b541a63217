package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// way is how a browser is fed.
type way struct {
	name      string
	transport string // as the header says it
	remove    string // script that takes the better ways away
	noScripts bool
}

var ways = []way{
	{name: "everything", transport: "WebSocket"},
	{name: "no WebSocket", transport: "SSE", remove: "delete window.WebSocket;"},
	{name: "no EventSource", transport: "Long poll", remove: "delete window.WebSocket; delete window.EventSource;"},
	{name: "no scripts", transport: "every", noScripts: true},
}

// open opens an address in a new tab that is fed this way.
func (w way) open(t *testing.T, address string) *tab {
	t.Helper()
	return w.openIn(newTab(t), address)
}

func (w way) openIn(p *tab, address string) *tab {
	p.before(unhurriedLink() + w.remove)
	if w.noScripts {
		p.withoutScripts()
	}
	p.open(address)
	return p
}

// unhurriedLink is a script that keeps a page from leaving a rung because the machine is busy: it has a minute for its hello.
func unhurriedLink() string {
	if isLong() {
		return ""
	}
	return `window.pulsewall = {};
	Object.defineProperty(pulsewall, "Link", { configurable: true, set: function (Link) {
		Link.HELLO = 60000;
		Object.defineProperty(pulsewall, "Link", { value: Link });
	} });
`
}

// shown is what one panel has on the glass.
type shown struct {
	Version   string
	Status    string
	Age       string
	Transport string
	State     string
	Rows      []string
}

const shownScript = `(function () {
	var panel = document.querySelector("[data-panel='%s']");
	return {
		version: panel.getAttribute("data-version"), status: panel.getAttribute("data-status"),
		age: panel.querySelector("[data-slot=age]").textContent.trim(),
		transport: document.querySelector("[data-slot=transport]").textContent.trim(),
		state: document.querySelector("[data-slot=connection]").getAttribute("data-state"),
		rows: [].map.call(panel.querySelectorAll("tbody tr"), function (row) {
			return [].map.call(row.querySelectorAll("td, th"), function (cell) { return cell.textContent.trim(); }).join(" ");
		})
	};
}())`

// panel returns what a panel shows now.
func (p *tab) panel(name string) (shown, error) {
	return eval[shown](p, fmt.Sprintf(shownScript, name))
}

// counterSite has one dashboard "d" with one table "counter" of the source.
func counterSite(t *testing.T, c *counter, feed feeds.Feed) *site {
	t.Helper()
	feed.Name, feed.Source = "counter", c
	return newSite(t, dashboard.Options{
		Node: "here", Feeds: []feeds.Feed{feed},
		Boards: []dashboard.Board{{Name: "d", Title: "Counter", Panels: []dashboard.Panel{
			{Name: "counter", Title: "Counter", Feed: "counter", View: "table", Fields: []string{"id", "poll", "note"}},
		}}},
	})
}

// TestEveryWayIn takes WebSocket, EventSource and scripts away from a browser. Each way a new reading of the default interval is
// on the glass within 11 s, and a version has the same records everywhere.
func TestEveryWayIn(t *testing.T) {
	t.Parallel()
	c := &counter{whole: true, rows: 25}
	s := counterSite(t, c, feeds.Feed{})
	var (
		mu       sync.Mutex
		versions = make(map[string]map[string][]string) // version → way → rows
	)
	keep := func(w way, got shown) {
		mu.Lock()
		defer mu.Unlock()
		if versions[got.Version] == nil {
			versions[got.Version] = make(map[string][]string)
		}
		versions[got.Version][w.name] = got.Rows
	}
	everywhere := func() error { // a version that all ways have shown
		mu.Lock()
		defer mu.Unlock()
		for _, rows := range versions {
			if len(rows) == len(ways) {
				return nil
			}
		}
		return fmt.Errorf("no version was seen on all ways: %v", versions)
	}
	tabs := make([]*tab, len(ways))
	for i, w := range ways {
		tabs[i] = w.open(t, s.URL+"/d/d")
	}
	t.Run("ways", func(t *testing.T) {
		for i, w := range ways {
			t.Run(w.name, func(t *testing.T) {
				t.Parallel()
				p := tabs[i].of(t)
				first := p.change(w, shown{}, 5*time.Second, keep)
				for range 2 {
					first = p.change(w, first, 11*time.Second, keep)
				}
				if w.noScripts {
					if !strings.Contains(first.Transport, w.transport) {
						t.Errorf("header says %q; want %q in it", first.Transport, w.transport)
					}
				} else if first.Transport != w.transport || first.State != "live" {
					t.Errorf("header says %q %q; want live %q", first.State, first.Transport, w.transport)
				}
			})
		}
	})
	eventually(t, time.Minute, func() error {
		for i, w := range ways {
			if got, err := tabs[i].of(t).panel("counter"); err == nil && len(got.Rows) > 0 {
				keep(w, got)
			}
		}
		return everywhere()
	})
	for _, p := range tabs {
		p.of(t).quiet(s.URL)
	}
	for version, rows := range versions {
		want := []string(nil)
		for w, got := range rows {
			if want == nil {
				want = got
			}
			if len(got) != 10 || !slices.Equal(got, want) {
				t.Errorf("version %s by %s: %q; another way %q", version, w, got, want)
			}
		}
	}
}

// change waits until a panel shows another reading than before, and keeps each it shows.
func (p *tab) change(w way, before shown, limit time.Duration, keep func(way, shown)) shown {
	p.t.Helper()
	var got shown
	took := eventually(p.t, limit, func() (err error) {
		got, err = p.panel("counter")
		switch {
		case err != nil:
		case len(got.Rows) == 0:
			err = fmt.Errorf("no rows: %+v", got)
		case got.Version == before.Version || got.Rows[0] == before.row():
			err = fmt.Errorf("still version %s, %q", got.Version, got.Rows)
		}
		return err
	})
	if before.Version != "" {
		p.t.Logf("%s: a new reading after %.1f s", w.name, took.Seconds())
	}
	keep(w, got)
	return got
}

func (s shown) row() string {
	if len(s.Rows) == 0 {
		return ""
	}
	return s.Rows[0]
}

// TestBlockedWebSocket has a network that takes WebSocket handshakes and never answers: the page falls to SSE by itself, and
// climbs back when they get through.
func TestBlockedWebSocket(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, rows: 25}, feedEvery(2*time.Second))
	network := newProxy(t, s.URL)
	network.swallowWebSockets(true)
	p := newTab(t)
	p.open(network.URL + "/d/d")
	fell := p.until(15*time.Second, `document.querySelector("[data-slot=transport]").textContent === "SSE" && `+isLive)
	before, err := p.panel("counter")
	p.must(err)
	p.change(way{name: "SSE"}, before, 5*time.Second, func(way, shown) {})
	network.swallowWebSockets(false)
	climbed := p.until(60*time.Second, `document.querySelector("[data-slot=transport]").textContent === "WebSocket" && `+isLive)
	before, err = p.panel("counter")
	p.must(err)
	p.change(way{name: "WebSocket"}, before, 5*time.Second, func(way, shown) {})
	t.Logf("on SSE after %.1f s, back on WebSocket %.1f s after the mend", fell.Seconds(), climbed.Seconds())
}

// isLive is true in a page whose badge says so.
const isLive = `document.querySelector("[data-slot=connection]").getAttribute("data-state") === "live"`

// TestStoppedTable has a source whose records are not written any more, though it answers: stale on every way in.
func TestStoppedTable(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, rows: 25, stopped: true}, feeds.Feed{Interval: 2 * time.Second, MaxAge: 3 * time.Second})
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := w.open(t, s.URL+"/d/d")
			p.until(20*time.Second, `document.querySelector("[data-panel=counter]").getAttribute("data-status") === "stale"`)
			got, err := p.panel("counter")
			p.must(err)
			if !strings.Contains(got.Age, "source") || len(got.Rows) != 10 {
				t.Errorf("a table that stopped says %q and shows %d rows; want why it is old, and 10", got.Age, len(got.Rows))
			}
		})
	}
}
