package acceptance

import (
	"os"
	"testing"
	"time"
)

// isLong says whether tests have the size of an issue.
func isLong() bool { return os.Getenv("PULSEWALL_LONG") != "" }

// rhythm is how often feeds are polled in tests of several nodes: each interval of an issue with PULSEWALL_LONG, else short ones.
func rhythm() time.Duration {
	if isLong() {
		return 10 * time.Second
	}
	return 3 * time.Second
}

// noise is how far things may be from their time: the more in short intervals, when other tests run as well. A poll made twice is
// nearer to the one before.
func noise() time.Duration {
	if isLong() {
		return time.Second
	}
	return 2500 * time.Millisecond
}

// longPoll is how long a slow source takes: nearly as long as it may, or, where a busy machine may make it longer, a third of that.
func longPoll(interval time.Duration) time.Duration {
	if isLong() {
		return interval * 6 / 10
	}
	return interval / 4
}

// How far the clocks of three nodes are ahead.
var (
	rightClocks [3]time.Duration
	wrongClocks = [3]time.Duration{15 * time.Second, 0, -15 * time.Second}
)

// TestClaims has three nodes with real members poll once an interval, whatever the clocks of the nodes say: for 300 viewers of one
// subscription, for viewers of a source that takes 60 % of the interval, and for each page where the source cuts them. All nodes show
// the same under the same version, with times on their own clock. An interval is 3 s, or 10 s with PULSEWALL_LONG.
func TestClaims(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		ahead [3]time.Duration
	}{
		{"right clocks", rightClocks},
		{"wrong clocks", wrongClocks},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var settings []nodeSettings
			for _, ahead := range tt.ahead {
				settings = append(settings, nodeSettings{Interval: rhythm(), Ahead: ahead})
			}
			claims(t, newFleet(t, 1, nil, 3, settings...))
		})
	}
}

// claims watches a fleet of three for 10 intervals.
func claims(t *testing.T, f *fleet) {
	const intervals, quick, slow, pages = 10, 300, 60, 30
	a, nodes := newAudience(t), f.sites()
	for page := range pages { // of each, one node is asked first, and so polls from then on
		a.watch(nodes[page%3], transports[page/3%3], "paged", page+1)
	}
	a.watch(nodes[0], "sse", "counter", 1)
	a.watch(nodes[1], "websocket", "slow", 1)
	a.all(30*time.Second, nil)
	for page := range pages {
		a.watch(nodes[(page+1)%3], transports[(page/3+1)%3], "paged", page+1)
		a.watch(nodes[(page+2)%3], transports[(page/3+2)%3], "paged", page+1)
	}
	for i := range quick - 1 {
		a.watch(nodes[i%3], transports[i/3%3], "counter", 1)
	}
	for i := range slow - 1 {
		a.watch(nodes[i%3], transports[i/3%3], "slow", i%5+1)
	}
	a.all(30*time.Second, nil)
	tabs := f.openPages(t)
	opened := time.Now()
	a.all(60*time.Second, func(s seen) bool { return s.At.After(opened.Add(rhythm())) }) // what starts at once takes its time
	for _, p := range tabs {
		p.act(`wasOld = "";`)
	}
	l := a.judge(f, intervals, func() {})
	if n := len(l.polls); n != pages+2 {
		t.Errorf("%d different things were polled; want %d", n, pages+2)
	}
	for _, node := range []string{"node-1", "node-2", "node-3"} {
		if l.by[node] < intervals {
			t.Errorf("%d polls were made by %s; want some by nodes of every clock", l.by[node], node)
		}
	}
	for i, p := range tabs {
		if old, err := eval[string](p, "wasOld"); err != nil || old != "" && isLong() {
			t.Errorf("the page of node %d said at times %q, %v; want fresh data", i+1, old, err)
		}
		p.act(`freshInTurn = 0;`)
		p.until(4*rhythm(), "freshInTurn >= 3") // else it is not a busy machine but a wrong clock, which would make it old for good
		p.quiet(f.nodes[i].URL)
	}
}

// looksOld is the part of a page that says that its data is not fresh.
const looksOld = `document.querySelector(".panel.old, [data-slot=age].old, [data-slot=age].wait")`

// openPages opens the dashboard of each node in a browser. Its variable wasOld says what of it ever looked old since the variable was empty,
// freshInTurn how many of the last readings were shown and nothing looked old.
func (f *fleet) openPages(t *testing.T) (tabs []*tab) {
	for _, n := range f.nodes {
		p := newTab(t)
		p.open(n.URL + "/d/d")
		p.until(20*time.Second, `document.querySelector("[data-slot=connection]").getAttribute("data-state") === "live"`)
		p.act(`window.wasOld = "";
			window.freshInTurn = 0;
			var shown = "";
			new MutationObserver(function () {
				var e = ` + looksOld + `, version = document.querySelector("[data-panel]").getAttribute("data-version");
				if (e && !wasOld) { wasOld = e.textContent; }
				if (version === shown) { return; }
				shown = version;
				window.setTimeout(function () { freshInTurn = ` + looksOld + ` ? 0 : freshInTurn + 1; }, 100);
			}).observe(document.body, { subtree: true, childList: true, attributes: true });`)
		tabs = append(tabs, p)
	}
	return tabs
}
