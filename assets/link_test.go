package assets_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// unhurried is a script that keeps a page from judging the machine that it runs on by the deadlines of a Link, unless times are
// to be judged. A test about one of them puts it back into deadlines, or meets the Link in linked before the page does.
func unhurried() string {
	if os.Getenv("PULSEWALL_LONG") != "" {
		return `window.deadlines = {};` + meet
	}
	return `window.deadlines = { HELLO: 60000, ANSWER: 60000, SLEPT: 30000, CLIMB: 600000, CLIMB_MAX: 600000 };` + meet
}

const meet = `
	window.linked = function () {};
	window.pulsewall = {};
	Object.defineProperty(pulsewall, "Link", { configurable: true, set: function (Link) {
		Object.keys(deadlines).forEach(function (name) { Link[name] = deadlines[name]; });
		Object.defineProperty(pulsewall, "Link", { value: Link });
		linked(Link);
	} });
`

// open opens the fake's page and fails the test for whatever the console complains about.
func open(t *testing.T, f *fake, before string) *browsertest.Browser {
	t.Helper()
	b := browsertest.New(t)
	t.Cleanup(func() {
		for _, p := range b.Problems() {
			t.Error("console: " + p)
		}
	})
	b.Before(unhurried() + before)
	b.Open(f.URL + "/d/test")
	return b
}

const (
	live = `document.querySelector("[data-slot=connection]").getAttribute("data-state") === "live" && document.querySelector("[data-slot=transport]").textContent === `
	said = `document.querySelector("[data-panel=t] [data-slot=body]").textContent.trim() === `
	// fast makes attempts at better rungs as frequent as a test needs.
	fast = `pulsewall.Link.CLIMB = pulsewall.Link.CLIMB_MAX = 500; pulsewall.page.link.climbDelay = 500; pulsewall.page.link.climbLater();`
)

func TestRungs(t *testing.T) {
	tests := []struct{ name, without, by string }{
		{"websocket", "", "WebSocket"},
		{"sse", "delete window.WebSocket", "SSE"},
		{"poll", "delete window.WebSocket; delete window.EventSource", "Long poll"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, tt.without)
			b.Eventually(8*time.Second, live+`"`+tt.by+`"`)
			f.text("list/7/1/10", 2, "second")
			b.Eventually(3*time.Second, said+`"second"`)
			f.message(`"hello <b>you</b>"`)
			b.Eventually(3*time.Second, `document.querySelector(".notices").textContent.indexOf("hello <b>you</b>") >= 0`)
			f.end(0, -1)
			f.text("list/7/1/10", 3, "third")
			f.message(`{"text":"again"}`)
			b.Eventually(8*time.Second, live+`"`+tt.by+`"`)
			b.Eventually(3*time.Second, said+`"third"`)
			b.Eventually(3*time.Second, `document.querySelectorAll(".notice").length === 2`)
		})
	}
}

// impatient is a script that waits for the hello of one rung no longer than a page usually does.
func impatient(rung string) string {
	return `linked = function (Link) {
		var connect = Link.prototype.connect, usual = Link.HELLO;
		Link.prototype.connect = function (rung) {
			var conn;
			if (this.ladder[rung].name === "` + rung + `") { Link.HELLO = 5000; }
			conn = connect.call(this, rung);
			Link.HELLO = usual;
			return conn;
		};
	};`
}

func TestLadder(t *testing.T) {
	tests := []struct{ name, ws, sse, before, by string }{
		{"websocket is refused by a proxy", "502", "", "", "SSE"},
		{"websocket never answers", "silent", "", impatient("websocket"), "SSE"},
		{"nothing streams", "gone", "silent", impatient("sse"), "Long poll"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.breaks("ws", tt.ws)
			f.breaks("sse", tt.sse)
			b := open(t, f, tt.before)
			b.Eventually(15*time.Second, live+`"`+tt.by+`"`)
			f.text("list/7/1/10", 2, "second")
			b.Eventually(3*time.Second, said+`"second"`)

			f.breaks("ws", "")
			b.Run(fast)
			b.Run(`window.states = []; pulsewall.page.link.options.changed = function (link) { states.push(link.state); }`)
			f.message(`"one"`)
			b.Eventually(8*time.Second, `pulsewall.page.link.transport === "websocket"`)
			f.message(`"two"`)
			b.Eventually(3*time.Second, `document.querySelectorAll(".notice").length === 2`)
			if got := browsertest.Eval[[]string](b, "states"); len(got) != 1 || got[0] != "live" {
				t.Errorf("states on the way up = %v; want live alone", got)
			}
		})
	}
}

func TestServerGoneAndBack(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	f.message(`"before"`)
	b.Eventually(3*time.Second, `document.querySelectorAll(".notice").length === 1`)
	for _, transport := range []string{"ws", "sse", "poll"} {
		f.breaks(transport, "gone")
	}
	f.end(0, -1)
	b.Eventually(8*time.Second, `document.querySelector("[data-slot=state]").textContent === "Connection lost"`)
	b.Eventually(8*time.Second, `/^connection lost \d+ (s|min) ago · data \d+ (s|min) old$/.test(document.querySelector("[data-panel=t] [data-slot=age]").textContent)`)
	b.Eventually(8*time.Second, `document.querySelector("[data-notice=connection]")`)
	f.message(`"after"`)
	for _, transport := range []string{"ws", "sse", "poll"} {
		f.breaks(transport, "")
	}
	b.Eventually(10*time.Second, live+`"WebSocket"`)
	b.Eventually(3*time.Second, `!document.querySelector("[data-notice=connection]") && document.querySelectorAll(".notice").length === 2`)
}

// TestEveryMessageOnce cuts and blocks transports while messages flow.
func TestEveryMessageOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	b.Run(`window.got = []; (function (page, take) { page.take = function (e) {
		if (e.event === "message") { got.push(Number(e.data.data)); }
		take.call(page, e);
	}; }(pulsewall.page, pulsewall.page.take)); ` + fast)
	sent := 0
	send := func() {
		for range 4 {
			f.message(strconv.Itoa(sent))
			sent++
		}
	}
	for _, phase := range []struct{ ws, sse, by string }{
		{"", "", "websocket"}, {"502", "", "sse"}, {"502", "502", "poll"}, {"502", "", "sse"}, {"", "", "websocket"},
		{"gone", "502", "poll"}, {"", "502", "websocket"}, {"", "", "websocket"},
	} {
		b.Run(`pulsewall.page.link.failures = 0`) // else it stays away for longer and longer
		f.breaks("ws", phase.ws)
		f.breaks("sse", phase.sse)
		send()
		f.end(0, -1)
		send()
		b.Eventually(12*time.Second, `pulsewall.page.link.state === "live" && pulsewall.page.link.transport === "`+phase.by+`"`)
		send()
		b.Eventually(8*time.Second, `got.length >= `+strconv.Itoa(sent))
	}
	for i, n := range browsertest.Eval[[]int](b, "got") {
		if i != n {
			t.Fatalf("message %d came at place %d", n, i)
		}
	}
}

// journal keeps all that a page says of its link: journal has the states with the words for them, waits how long it means to stay
// away, in ms.
const journal = `window.journal = []; window.waits = []; (function (link) {
	var changed = link.options.changed;
	link.options.changed = function (link) {
		changed(link);
		journal.push(link.state + ": " + document.querySelector("[data-slot=state]").textContent);
		if (link.state === "waiting") { waits.push(link.retryAt - Date.now()); }
	};
}(pulsewall.page.link));`

func TestByeIsObeyed(t *testing.T) {
	t.Parallel()
	for _, without := range []string{"", "delete window.WebSocket", "delete window.WebSocket; delete window.EventSource"} {
		t.Run(without, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, without)
			b.Eventually(8*time.Second, `pulsewall.page.link.state === "live"`)
			b.Run(journal)
			if strings.Contains(without, "EventSource") {
				b.Run(`pulsewall.page.link.receive(pulsewall.page.link.conn, { event: "bye", id: "", data: { retry: 8000 } })`)
			} else {
				f.end(1012, 8000)
			}
			b.Eventually(3*time.Second, `waits.length > 0 && journal.some(function (now) { return /^waiting: Restarting, back in [78] s$/.test(now); })`)
			at := browsertest.Eval[float64](b, `waits[0]`)
			if at < 3200 || at > 8000 { // by itself it would be back within 3 s
				t.Errorf("comes back after %v ms; want 8000", at)
			}
			b.Eventually(10*time.Second, `/^live/.test(journal[journal.length - 1])`)
		})
	}
}

func TestCloseCodes(t *testing.T) {
	tests := []struct {
		code int
		want string // a script that becomes true
	}{
		{4400, `pulsewall.page.link.state === "refused"`},
		{4401, `waits[0] <= 1000 && pulsewall.page.link.state === "live" && pulsewall.page.link.transport === "websocket"`},
		{4403, `pulsewall.page.link.state === "refused" && document.querySelector("[data-action=retry]")`},
		{1013, `waits[0] > 3200`},
		{1009, `waits[0] <= 1000 && pulsewall.page.link.state === "live" && pulsewall.page.link.transport === "sse"`},
		{1001, `waits[0] <= 1000 && pulsewall.page.link.state === "live" && pulsewall.page.link.transport === "websocket"`},
	}
	for _, tt := range tests {
		t.Run(strconv.Itoa(tt.code), func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, "")
			b.Eventually(8*time.Second, live+`"WebSocket"`)
			b.Run(journal)
			f.end(tt.code, -1)
			b.Eventually(8*time.Second, tt.want)
		})
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, transport := range []string{"ws", "sse", "poll"} {
		f.breaks(transport, "404")
	}
	b := open(t, f, "")
	b.Eventually(8*time.Second, `document.querySelector(".notice.crit") && document.querySelector(".notice.crit").textContent.indexOf("no <b>404</b> for you") >= 0`)
	b.Eventually(3*time.Second, `document.querySelector("[data-slot=state]").textContent === "Refused"`)
	asked := len(f.opens("poll")) + len(f.opens("ws"))
	b.Eventually(6*time.Second, `Date.now() - performance.timing.loadEventEnd > 5000`)
	if now := len(f.opens("poll")) + len(f.opens("ws")); now != asked {
		t.Errorf("asked %d times more after a refusal", now-asked)
	}
	for _, transport := range []string{"ws", "sse", "poll"} {
		f.breaks(transport, "")
	}
	b.Click("[data-action=retry]")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	b.Eventually(3*time.Second, `!document.querySelector(".notice")`)
}

func TestTooManyComesBackByItself(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	for _, transport := range []string{"ws", "sse", "poll"} {
		f.breaks(transport, "429")
	}
	b := open(t, f, "")
	b.Eventually(8*time.Second, `document.querySelector(".notice.crit") && document.querySelector(".notice.crit").textContent.indexOf("429") >= 0`)
	for _, transport := range []string{"ws", "sse", "poll"} {
		f.breaks(transport, "")
	}
	b.Eventually(8*time.Second, live+`"WebSocket"`)
}
