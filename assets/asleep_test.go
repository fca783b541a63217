package assets_test

import (
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// hide makes a page believe that it is a hidden tab, or is seen again.
const hide = `(function (on) {
	Object.defineProperty(document, "hidden", { value: on, configurable: true });
	document.dispatchEvent(new Event("visibilitychange"));
}(%))`

func TestHiddenTabOnlyKeepsAlive(t *testing.T) {
	for name, without := range rungs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, without)
			b.Eventually(8*time.Second, `pulsewall.page.link.state === "live" && document.querySelector("canvas")`)
			b.Run(strings.Replace(hide, "%", "true", 1))
			b.Run(`window.changes = 0; new MutationObserver(function () { changes += 1; }).observe(document.body,
				{ subtree: true, childList: true, attributes: true, characterData: true })`)
			f.text("list/7/1/10", 2, "second")
			f.message(`"while hidden"`)
			f.text("list/7/1/10", 3, "third")
			f.push("curve/-/1/10", reading{Version: 2, At: time.Now(), Status: "ok", HTML: `<div data-look="chart">` + legend("3.0", "4.0") + `</div>`,
				Points: map[string]any{"a": []any{[]any{time.Now().UnixMilli(), 3}}}})
			b.Eventually(5*time.Second, `pulsewall.page.panels[0].newest().version === 3 && pulsewall.page.panels[1].newest().version === 2 && pulsewall.page.waiting.length === 1`)
			if n := browsertest.Eval[int](b, `changes`); n != 0 {
				t.Errorf("%d changes of the page while it was hidden", n)
			}
			b.Run(strings.Replace(hide, "%", "false", 1))
			b.Eventually(2*time.Second, said+`"third" && document.querySelectorAll(".notice").length === 1`)
			if n := browsertest.Eval[int](b, `pulsewall.page.panels[1].chart.plot.data[0].length`); n != 3 {
				t.Errorf("the chart has %d points; want 3", n)
			}
		})
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	b.Click("[data-action=pause]")
	f.text("list/7/1/10", 2, "second")
	b.Eventually(3*time.Second, `pulsewall.page.panels[0].newest().version === 2`)
	b.Eventually(3*time.Second, `document.querySelector("[data-slot=state]").textContent === "Paused" && /^paused · data \d+ (s|min) old$/.test(`+age+`)`)
	if !browsertest.Eval[bool](b, said+`"rendered\n2" || `+said+`"rendered2"`) {
		t.Error("a reading was shown while paused")
	}
	f.text("list/7/2/10", 3, "page 2")
	b.Run(`pulsewall.page.turn(pulsewall.page.panels[0], 2)`) // what somebody asks for is shown nevertheless
	b.Eventually(3*time.Second, said+`"page 2"`)
	b.Run(`history.back()`)
	b.Click("[data-action=pause]")
	b.Eventually(3*time.Second, said+`"second"`)
	b.Eventually(3*time.Second, live+`"WebSocket"`)
}

// sleep lets a page believe that its machine slept for a minute, and keeps what it says of its table's age meanwhile.
const sleep = `window.ages = []; new MutationObserver(function () { ages.push(` + age + `); }).observe(
		document.querySelector("[data-panel=t] [data-slot=age]"), { childList: true, characterData: true, subtree: true });
	(function (real) { Date.now = function () { return real.call(Date) + 60000; }; }(Date.now))`

func TestSleep(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "deadlines.ANSWER = 2000")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	breakAll := func(how string) {
		for _, transport := range []string{"ws", "sse", "poll"} {
			f.breaks(transport, how)
		}
	}
	f.change(func() { f.deaf = true })
	breakAll("silent") // what is lost stays lost
	b.Run(noBeat + sleep)
	b.Eventually(4*time.Second, `pulsewall.page.link.lostAt > 0`) // it was asked
	b.Eventually(time.Second, `ages.some(function (said) { return /^tab was asleep · data \d+ min old$/.test(said); })`)
	if got := f.heard("ping"); got != 1 {
		t.Errorf("asked %d times; want once", got)
	}
	f.change(func() { f.deaf = false })
	f.text("list/7/1/10", 2, "awake")
	breakAll("")
	b.Eventually(8*time.Second, said+`"awake" && /^\d+ s$/.test(`+age+`)`) // the server's clock was learned anew, else it is a minute
}

// TestSleepOfAStreamThatLives: one that answers is kept, even when the answer is slower than a tick.
func TestSleepOfAStreamThatLives(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "deadlines.ANSWER = 600000")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	b.Run(`window.ticks = 0; window.held = []; (function (link) {
		var tick = link.tick;
		window.conn = link.conn;
		link.tick = function () { tick.call(link); if (link.sleptAt) { ticks += 1; } };
		link.receive = function (conn, event) { held.push(event); };
	}(pulsewall.page.link))`)
	b.Run(sleep)
	b.Eventually(5*time.Second, `ticks >= 3 && held.length > 0`)
	b.Run(`delete pulsewall.page.link.receive; held.forEach(function (event) { pulsewall.page.link.receive(conn, event); })`)
	b.Eventually(time.Second, `pulsewall.page.link.sleptAt === 0`)
	if !browsertest.Eval[bool](b, `pulsewall.page.link.conn === conn && pulsewall.page.link.state === "live"`) {
		t.Error("the stream was not kept")
	}
}

func TestBackForwardCache(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "delete window.WebSocket; delete window.EventSource")
	b.Eventually(8*time.Second, live+`"Long poll"`)
	b.Run(`window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))`)
	b.Eventually(2*time.Second, `pulsewall.page.link.state === "stopped"`)
	b.Run(`window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`)
	b.Eventually(8*time.Second, live+`"Long poll"`)
	f.text("list/7/1/10", 2, "back")
	b.Eventually(5*time.Second, said+`"back"`)
	for range 5 { // a browser keeps no page that takes more than 3 s to be put aside
		b.Run(`window.kept = true`)
		b.Open(f.URL + "/other")
		b.Back()
		b.Eventually(8*time.Second, `document.title === "test" && `+live+`"Long poll"`)
		if browsertest.Eval[bool](b, `Boolean(window.kept)`) {
			return
		}
	}
	t.Error("the browser did not keep the page")
}
