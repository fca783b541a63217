package assets_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// rungs are the scripts that leave one transport, by its name.
var rungs = map[string]string{
	"websocket": "",
	"sse":       "delete window.WebSocket",
	"poll":      "delete window.WebSocket; delete window.EventSource",
}

const age = `document.querySelector("[data-panel=t] [data-slot=age]").textContent`

func TestPaging(t *testing.T) {
	for name, without := range rungs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			f.text("list/7/1/10", 2, `first <div class="foot"><a data-page="2" aria-label="Page 2" href="">2</a></div>`)
			b := open(t, f, without)
			b.Eventually(8*time.Second, `document.querySelector("[data-panel=t] [data-slot=body]").textContent.indexOf("first") === 0`)
			if got := browsertest.Eval[string](b, `document.querySelector("[data-page]").getAttribute("href")`); got != "/d/test?unionId=7&p.t=2" {
				t.Errorf("href of page 2 = %q", got)
			}
			b.Run(`window.mark = 1`)
			b.Click("[data-page='2']")
			b.Eventually(3*time.Second, `document.querySelector("[data-panel=t] .blank.loading") && document.querySelector("[data-panel=t] [data-page]")`)
			b.Eventually(3*time.Second, age+` === "waiting"`)
			f.text("list/7/1/10", 3, "not asked for any more")
			f.text("list/7/2/10", 3, "second page")
			b.Eventually(5*time.Second, said+`"second page"`)
			if got := browsertest.Eval[string](b, `location.search`); got != "?unionId=7&p.t=2" {
				t.Errorf("address = %q", got)
			}
			b.Run(`history.back()`)
			b.Eventually(5*time.Second, said+`"not asked for any more"`)
			f.text("list/7/1/10", 4, "first again")
			b.Eventually(5*time.Second, said+`"first again"`)
			b.Run(`history.forward()`)
			b.Eventually(5*time.Second, said+`"second page"`)
			f.text("list/7/2/10", 5, "second again")
			b.Eventually(5*time.Second, said+`"second again"`)
			if browsertest.Eval[float64](b, `window.mark`) != 1 {
				t.Error("the page was loaded again")
			}
		})
	}
}

func TestUser(t *testing.T) {
	for name, without := range rungs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			b := open(t, f, without)
			b.Eventually(8*time.Second, `pulsewall.page.link.state === "live"`)
			f.text("list/9223372036854775807/1/10", 1, "of another")
			b.Run(`document.querySelector("[name=unionId]").value = " 9223372036854775807"`)
			b.Click("form button")
			b.Eventually(5*time.Second, said+`"of another"`)
			transport := map[string]string{"websocket": "ws", "sse": "sse", "poll": "poll"}[name]
			asked := f.opens(transport)
			if q := asked[len(asked)-1]; !strings.Contains(q, "unionId=9223372036854775807") || strings.Contains(q, "unionId=7") {
				t.Errorf("query = %q", q)
			}
			if got := browsertest.Eval[string](b, `location.search`); got != "?unionId=9223372036854775807" {
				t.Errorf("address = %q", got)
			}
		})
	}
}

func TestSubscriptionRefusedInBand(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	b.Run(`pulsewall.page.turn(pulsewall.page.panels[0], 13)`)
	b.Eventually(3*time.Second, `document.querySelector("[data-panel=t] .blank.error").textContent.indexOf("there is no page 13") >= 0`)
}

func TestPatchKeepsFocusScrollAndSelection(t *testing.T) {
	t.Parallel()
	rows := func(n string) string {
		return `<div class="scroll" tabindex="0"><table><tbody>` + strings.Repeat("<tr><td>kept</td><td>"+n+"</td></tr>", 80) + `</tbody></table></div><p><a href="#x">link</a></p>`
	}
	f := newFake(t)
	f.text("list/7/1/10", 2, rows("one"))
	b := open(t, f, "")
	b.Eventually(8*time.Second, `document.querySelectorAll("td").length > 80`)
	b.Run(`(function (scroll, link, selection) {
		scroll.style.height = "100px"; scroll.style.overflow = "auto"; scroll.scrollTop = 77; link.focus();
		selection.selectAllChildren(document.querySelector("td")); window.first = document.querySelector("td");
	}(document.querySelector(".scroll"), document.querySelector("[data-slot=body] p a"), getSelection()))`)
	f.text("list/7/1/10", 3, rows("two"))
	b.Eventually(5*time.Second, `document.querySelectorAll("td")[1].textContent === "two"`)
	for what, script := range map[string]string{
		"element":   `document.querySelector("td") === first`,
		"focus":     `document.activeElement.textContent === "link"`,
		"selection": `getSelection().toString() === "kept"`,
	} {
		if !browsertest.Eval[bool](b, script) {
			t.Errorf("%s was lost", what)
		}
	}
}

func TestSameRepeatsThePoints(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "")
	b.Eventually(8*time.Second, `pulsewall.page.link.state === "live" && document.querySelector("canvas")`)
	f.push("curve/-/1/10", reading{Version: 2, At: time.Now().Add(time.Minute), Status: "ok", Same: true})
	b.Eventually(3*time.Second, `pulsewall.page.panels[1].newest().version === 2`)
	got := browsertest.Eval[[][]float64](b, `pulsewall.page.panels[1].newest().series.b`)
	if len(got) != 3 || got[2][1] != got[1][1] || got[2][0] <= got[1][0] {
		t.Errorf("points = %v; want the last value again", got)
	}
	if !browsertest.Eval[bool](b, `document.querySelectorAll("[data-panel=c] .legend li").length === 2`) {
		t.Error("the fragment is gone")
	}
}

func TestChart(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "")
	b.Eventually(8*time.Second, `document.querySelector("[data-panel=c] canvas") && !document.querySelector("[data-panel=c] .plot svg")`)
	b.Run(`(function (over) {
		var box = over.getBoundingClientRect();
		over.dispatchEvent(new MouseEvent("mouseenter", { clientX: box.left + box.width - 30, clientY: box.top + 20 }));
		over.dispatchEvent(new MouseEvent("mousemove", { bubbles: true, clientX: box.left + box.width - 30, clientY: box.top + 20 }));
	}(document.querySelector(".u-over")))`)
	b.Eventually(3*time.Second, `/^\d\d:\d\d:\d\d$/.test(document.querySelector(".tip").textContent)`)
	b.Eventually(3*time.Second, `document.querySelector("[data-series=a] b").textContent === "1.0"`)
	b.Run(`document.querySelector(".u-over").dispatchEvent(new MouseEvent("mouseleave"))`)
	b.Eventually(3*time.Second, `document.querySelector("[data-series=a] b").textContent === "2.0"`)
	since := time.Now()
	f.push("curve/-/1/10", reading{Version: 2, At: since, Status: "stale", Reason: "failed", Error: "no route.", Since: &since,
		HTML: `<div data-look="chart">` + legend("2.0", "4.0") + `</div>`})
	b.Eventually(3*time.Second, `getComputedStyle(document.querySelector("[data-panel=c].old .uplot")).filter !== "none"`)
	b.Eventually(3*time.Second, `/^source failing: no route · data of \d\d:\d\d:\d\d \(\d+ (s|min) old\)$/.test(document.querySelector("[data-panel=c] [data-slot=age]").textContent)`)
	b.Click("[data-action=theme]")
	b.Eventually(3*time.Second, `document.documentElement.getAttribute("data-theme") === "dark" && document.querySelectorAll("canvas").length === 1`)
	b.Click("[data-action=table]")
	b.Eventually(3*time.Second, `document.querySelector("[data-panel=c] td").offsetHeight > 0 && document.querySelector("[data-action=table]").getAttribute("aria-pressed") === "true"`)
	b.Open(f.URL + "/d/test")
	b.Eventually(3*time.Second, `document.documentElement.getAttribute("data-theme") === "dark"`)
}

func TestWithoutUPlotTheTableStandsIn(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, "delete window.Path2D")
	b.Eventually(8*time.Second, live+`"WebSocket"`)
	if !browsertest.Eval[bool](b, `Boolean(document.querySelector(".plot svg"))`) {
		t.Error("the drawing of the server went before there was newer data")
	}
	f.push("curve/-/1/10", reading{Version: 2, At: time.Now(), Status: "ok", HTML: `<div data-look="chart">` + legend("3.0", "4.0") + `</div>`})
	b.Eventually(3*time.Second, `!document.querySelector(".plot svg") && document.querySelector("[data-panel=c] td").offsetHeight > 0`)
}

// TestOldBrowser takes away what IE9 did not have.
func TestOldBrowser(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, `["WebSocket", "EventSource", "Promise", "Map", "Set", "Symbol", "fetch", "URL", "URLSearchParams", "ResizeObserver",
		"IntersectionObserver", "MutationObserver", "matchMedia", "requestAnimationFrame", "queueMicrotask", "localStorage", "Path2D"].forEach(
			function (name) { delete window[name]; Object.defineProperty(window, name, { value: undefined }); });
		["closest", "matches", "remove", "append", "prepend", "classList", "before", "after", "replaceWith", "replaceChildren", "children"].forEach(
			function (name) { delete Element.prototype[name]; });
		["includes", "find", "findIndex", "fill", "flat", "from"].forEach(function (name) { delete Array.prototype[name]; delete Array[name]; });
		["includes", "startsWith", "endsWith", "repeat", "padStart"].forEach(function (name) { delete String.prototype[name]; });
		["assign", "entries", "values"].forEach(function (name) { delete Object[name]; });
		delete HTMLElement.prototype.dataset; delete HTMLElement.prototype.hidden; delete NodeList.prototype.forEach; delete Number.isFinite;
		delete History.prototype.pushState; delete History.prototype.replaceState; Object.defineProperty(Document.prototype, "hidden", { value: undefined });`)
	b.Eventually(8*time.Second, live+`"Long poll"`)
	f.text("list/7/1/10", 2, `second <div class="foot"><a data-page="2" aria-label="Page 2" href="">2</a></div>`)
	f.message(`"hello"`)
	b.Eventually(3*time.Second, `document.querySelector("[data-slot=body]").textContent.indexOf("second") === 0 && document.querySelector(".notice")`)
	f.text("list/7/2/10", 2, "page 2")
	b.Click("[data-page='2']")
	b.Eventually(3*time.Second, said+`"page 2"`)
}

// TestOlderBrowser takes away what IE8 did not have: the page is loaded again and again.
func TestOlderBrowser(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := open(t, f, `delete window.addEventListener; Object.defineProperty(window, "addEventListener", { value: undefined });`)
	b.Eventually(5*time.Second, `document.documentElement.className === "no-js" && document.querySelector("[data-slot=state]").textContent === "Refresh"`)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	f.await(ctx, func() bool { return len(f.opened) >= 3 })
	if got := len(f.opens("page")); got < 3 {
		t.Errorf("loaded %d times; want it again and again", got)
	}
}

func TestHostileData(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	b := browsertest.New(t)
	b.Open(f.URL + "/d/test")
	b.Eventually(8*time.Second, `pulsewall.page.link.state === "live" && document.querySelector("canvas")`)
	f.message(`"<img src=x onerror=window.bad=1><script>window.bad=1</script>"`)
	f.message(`{"text": {"deep": ["<b>"]}}`)
	f.message(`null`)
	f.message(`"` + strings.Repeat("long", 2000) + `"`)
	f.message(`[1, {"__proto__": {"polluted": 1}}]`)
	f.message(`"last"`)
	f.text("list/7/1/10", 2, `<img src="x" onerror="window.bad=1"><a href="javascript:bad=1" onclick="bad=1">x</a><svg onload="window.bad=1"></svg>`)
	f.push("curve/-/1/10", reading{Version: 2, At: time.Now(), Status: "<script>", HTML: `<div data-look="chart">` + strings.Replace(legend("3.0", "4.0"), `data-series="b"`, `data-series="constructor"`, 1) + `</div>`,
		Points: map[string]any{"a": []any{nil, []any{}, []any{"x", "y"}, []any{1e300, 1}, 7, []any{time.Now().UnixMilli(), nil}}, "__proto__": []any{[]any{1, 2}}, "constructor": []any{[]any{1, 2}}, "b": "no list"}})
	for _, frame := range []string{`null`, `[]`, `7`, `{"event":7,"data":{}}`, `{"event":"reading","data":null}`, `{"event":"reading","data":{"sub":{},"version":"x"}}`,
		`{"event":"hello","data":{"subs":[1,2],"heartbeat":"x","time":7}}`, `{"event":"reply","data":{"ref":"__proto__"}}`, `{"event":"reply","data":{"ref":"hasOwnProperty"}}`, `{"event":"presence","data":{"users":"<b>","nodes":7}}`,
		`{"event":"message","data":{}}`, `{"event":"unknown","data":{}}`, `{"event":"constructor","data":{}}`} {
		b.Run(`(function (e) { if (e && e.data && typeof e.event === "string") { pulsewall.page.link.receive(pulsewall.page.link.conn, e); } }(` + frame + `))`)
	}
	b.Eventually(5*time.Second, `document.querySelectorAll("[data-notice^='message ']").length === 3 &&
		document.querySelector(".notice").textContent.indexOf("4 earlier") === 0`)
	b.Eventually(5*time.Second, `document.querySelector("[data-panel=t] [data-slot=body] img")`)
	if browsertest.Eval[bool](b, `Boolean(window.bad || {}.polluted || document.querySelector(".notices img"))`) {
		t.Error("something hostile ran")
	}
	f.text("list/7/1/10", 3, "goes on")
	b.Eventually(5*time.Second, said+`"goes on"`)
	b.Click("[data-action=dismiss]")
	b.Run(`document.dispatchEvent(new KeyboardEvent("keydown", { keyCode: 27, bubbles: true }))`)
	b.Eventually(2*time.Second, `document.querySelectorAll(".notice").length === 2`)
	b.Click("[data-action=dismiss-all]")
	b.Eventually(2*time.Second, `!document.querySelector(".notice")`)
	for _, p := range b.Problems() {
		if !strings.Contains(p, "Content Security Policy") { // which blocked what was hostile
			t.Error("console: " + p)
		}
	}
}
