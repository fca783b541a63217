package acceptance

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// noteMessages counts, in a page, how often the text of each message is put on the glass.
const noteMessages = `window.told = {};
document.addEventListener("DOMContentLoaded", function () {
	new MutationObserver(function (changes) {
		changes.forEach(function (change) {
			[].forEach.call(change.addedNodes, function (node) {
				var text = /message (one|two|three)/.exec(node.textContent || "");
				if (text) { window.told[text[0]] = (window.told[text[0]] || 0) + 1; }
			});
		});
	}).observe(document.querySelector("[data-slot=notices]"), { childList: true });
});`

// TestKilledServer kills the program under open pages and starts it again at the same address: the badge says so within 15 s, the
// page recovers alone, and no message is told twice.
func TestKilledServer(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	server := start(t, address, nil, "--interval", "2s").ready()
	var tabs []*tab
	for _, w := range ways[:3] { // without scripts nothing can be said while the server is gone
		p := newTab(t)
		p.before(w.remove + noteMessages)
		p.open(server.URL + "/d/overview")
		p.until(10*time.Second, isLive)
		tabs = append(tabs, p)
	}
	tell := func(text string) {
		t.Helper()
		message := map[string]any{"to": map[string]any{"all": true}, "data": text, "key": text, "unionId": "1"}
		if err := server.send(t.Context(), message); err != nil {
			t.Fatal(err)
		}
		for _, p := range tabs {
			p.until(5*time.Second, fmt.Sprintf("window.told[%q]", text))
		}
	}
	tell("message one")
	tell("message two")

	server.kill()
	for i, p := range tabs {
		took := p.until(15*time.Second, `document.querySelector("[data-slot=connection]").getAttribute("data-state") === "lost"`)
		t.Logf("%s: the badge says lost after %.1f s", ways[i].name, took.Seconds())
	}
	pass(t, 5*time.Second)
	server = start(t, address, nil, "--interval", "2s").ready()
	back := time.Now()
	for i, p := range tabs {
		p.until(15*time.Second, isLive)
		t.Logf("%s: live again after %.1f s", ways[i].name, time.Since(back).Seconds())
		version, err := eval[string](p, `document.querySelector("[data-panel]").getAttribute("data-version")`)
		p.must(err)
		p.until(6*time.Second, fmt.Sprintf(`document.querySelector("[data-panel]").getAttribute("data-version") !== %q`, version))
	}
	tell("message three")
	for _, p := range tabs { // the log began anew, and that is said
		p.until(5*time.Second, `document.querySelector("[data-slot=notices]").textContent.indexOf("may be missing") >= 0`)
	}
	for i, p := range tabs {
		told, err := eval[map[string]int](p, "window.told")
		p.must(err)
		for _, text := range []string{"message one", "message two", "message three"} {
			if told[text] != 1 {
				t.Errorf("%s: %q was told %d times; want once: %v", ways[i].name, text, told[text], told)
			}
		}
	}
}

// TestRestartedServer ends the program as a service manager does, under open pages, and starts it again: it says goodbye and is gone
// within 10 s, and the pages are live again, none of them hammering.
func TestRestartedServer(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	server := start(t, address, nil, "--interval", "2s").ready()
	var tabs []*tab
	for _, w := range ways[:3] {
		p := w.open(t, server.URL+"/d/overview")
		p.until(10*time.Second, isLive)
		tabs = append(tabs, p)
	}
	took, err := server.stop(syscall.SIGTERM)
	if err != nil || took > unhurried(10*time.Second) {
		t.Errorf("ended after %v with %v; want exit 0 within 10 s", took, err)
	}
	t.Logf("ended after %.1f s", took.Seconds())
	for _, p := range tabs {
		p.until(15*time.Second, `document.querySelector("[data-slot=connection]").getAttribute("data-state") !== "live"`)
		p.forget()
	}
	start(t, address, nil, "--interval", "2s").ready()
	for i, p := range tabs {
		took := p.until(15*time.Second, isLive)
		t.Logf("%s: live again after %.1f s", ways[i].name, took.Seconds())
		if n := p.asked("/live/ws") + p.asked("/live/sse") + p.asked("/live/poll"); n > 20+int(took.Seconds()) {
			t.Errorf("%s: %d requests to come back in %v; want a few", ways[i].name, n, took)
		}
	}
}

// TestBackToAKilledServer goes back to a page that the browser has in its cache, while the program is gone: what was on it may be of
// any time, so no age is told.
func TestBackToAKilledServer(t *testing.T) {
	t.Parallel()
	server := start(t, freeAddress(t), nil, "--interval", "2s").ready()
	browser, end, err := browsertest.Start(chromedp.Flag("disable-back-forward-cache", true))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(end)
	const ages = `[].map.call(document.querySelectorAll("[data-slot=age]"), function (e) { return e.textContent.trim(); })`
	p := tabIn(t, browser)
	p.open(server.URL + "/d/overview")
	p.until(10*time.Second, isLive+" && "+ages+`.every(function (s) { return /^\d+ s$/.test(s); })`)
	p.open(server.URL + "/")
	server.kill()
	p.before(`window.ages = []; document.addEventListener("DOMContentLoaded", function () {
		setInterval(function () { window.ages = window.ages.concat(` + ages + `); }, 20);
	});`)
	p.act(`setTimeout(function () { history.back(); })`)
	p.until(10*time.Second, `window.ages && window.ages.length && location.pathname === "/d/overview"`)
	p.until(15*time.Second, ages+`.every(function (s) { return /^connection lost \d+ (s|min) ago · (data of|failing since) \d\d:\d\d:\d\d$/.test(s); })`)
	told, err := eval[[]string](p, "window.ages")
	p.must(err)
	for _, age := range slices.Compact(told) {
		if age != "waiting" && !strings.HasPrefix(age, "connection lost") && !strings.HasPrefix(age, "failing since") {
			t.Errorf("a page of the browser's cache says %q of its data", age)
		}
	}
}
