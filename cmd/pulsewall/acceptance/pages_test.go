package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
)

// TestBuiltinPages opens every built-in dashboard, light and dark, from a phone to a wall: live, not a word in the console, nothing
// of other hosts, no scrolling to the side, and light to load.
func TestBuiltinPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Node: "here", Interval: 5 * time.Second}) // a slow machine has 4 s for its list of processes
	for _, name := range []string{"overview", "sensors", "stocks", "weather"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newTab(t)
			p.size(1440, 1000)
			p.open(s.URL + "/d/" + name)
			p.until(10*time.Second, isLive+` && !document.querySelector(".panel.loading, .panel.error")`)
			eventually(t, 5*time.Second, func() error {
				if n := p.asked(".css"); n < 2 {
					return fmt.Errorf("%d style sheets asked for", n)
				}
				return nil
			})
			p.until(5*time.Second, `!document.querySelector("[data-slot=plot]") || document.querySelector(".uplot canvas")`)
			p.mu.Lock()
			weight := p.received
			p.mu.Unlock()
			if weight > mostWeight {
				t.Errorf("the first load weighs %.0f bytes; want at most %d", weight, mostWeight)
			}
			t.Logf("%.1f KiB over the wire", weight/1024)
			for _, scheme := range []string{"light", "dark"} {
				p.scheme(scheme)
				for _, width := range []int64{360, 1440, 2560} {
					p.size(width, 900)
					p.until(3*time.Second, fmt.Sprintf("window.innerWidth === %d", width))
					p.fits(fmt.Sprint(scheme, " ", width))
				}
			}
			p.quiet(s.URL)
		})
	}
}

// fits waits until the page is no wider than its window, to which charts come with the next frame, or names what sticks out.
func (p *tab) fits(what string) {
	p.t.Helper()
	eventually(p.t, time.Second, func() error {
		wide, err := p.sticksOut()
		if len(wide) > 0 {
			err = fmt.Errorf("%s scrolls to the side; out of the window: %v", what, wide)
		}
		return err
	})
}

func (p *tab) sticksOut() ([]string, error) {
	return eval[[]string](p, `(function () {
		var width = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= width) { return []; }
		return [].filter.call(document.querySelectorAll("body *"), function (e) {
			return e.getBoundingClientRect().right > width + 1;
		}).slice(0, 5).map(function (e) { return e.tagName + "." + (e.getAttribute("class") || ""); }).concat("?");
	}())`)
}

// TestPaging turns pages and changes the user by click without a page load, and goes back.
func TestPaging(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, rows: 25}, feedEvery(2*time.Second))
	for _, w := range ways[:3] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := w.open(t, s.URL+"/d/d")
			p.until(10*time.Second, isLive)
			p.act("window.sameDocument = true;")
			const table = `document.querySelector("[data-panel=counter]")`
			const current = `(` + table + `.querySelector("[aria-current=page]") || {}).textContent`
			p.until(5*time.Second, current+` === "1"`)
			p.click(`[data-panel=counter] [data-page="2"]:not([rel])`)
			p.until(6*time.Second, current+` === "2" && !`+table+`.hasAttribute("aria-busy") && `+
				table+`.textContent.indexOf("11–20") >= 0 && /p.counter=2/.test(location.search)`)
			p.act("history.back();")
			p.until(6*time.Second, current+` === "1" && `+table+`.textContent.indexOf("1–10") >= 0 && location.search.indexOf("p.") < 0`)
			p.until(5*time.Second, "window.sameDocument && "+isLive)
			p.quiet(s.URL)
		})
	}
}

// TestUser changes the user of a page without a page load, and without scripts by the form.
func TestUser(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, perUser: true, rows: 25, note: "of "}, feedEvery(2*time.Second))
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := w.open(t, s.URL+"/d/d?unionId=7")
			p.until(10*time.Second, `document.querySelector("[data-panel]").textContent.indexOf("of 7") >= 0`)
			if !w.noScripts {
				p.until(10*time.Second, isLive)
				p.act("window.sameDocument = true;")
			}
			p.act(`document.querySelector("[name=unionId]").value = "9007199254740993";`)
			p.click("[data-slot=user] button")
			p.until(8*time.Second, `document.querySelector("[data-panel]").textContent.indexOf("of 9007199254740993") >= 0 &&
				document.querySelector("[data-panel]").textContent.indexOf("of 7") < 0 &&
				location.search.indexOf("unionId=9007199254740993") >= 0 && `+fmt.Sprint(w.noScripts, ` === !window.sameDocument`))
			p.quiet(s.URL)
		})
	}
}

// TestPagingWithoutScripts pages by links. The page that refreshes itself stays on its page of records.
func TestPagingWithoutScripts(t *testing.T) {
	t.Parallel()
	s := counterSite(t, &counter{whole: true, rows: 25}, feedEvery(4*time.Second))
	p := ways[3].open(t, s.URL+"/d/d")
	var first shown
	eventually(t, 8*time.Second, func() (err error) {
		first, err = p.panel("counter")
		if err == nil && !strings.HasPrefix(first.row(), "row 11 ") {
			p.click(`[data-page="2"]:not([rel])`) // once more where the page has just loaded itself again
			err = fmt.Errorf("the first row is %q; want row 11", first.row())
		}
		return err
	})
	next := p.change(ways[3], first, 12*time.Second, func(way, shown) {})
	if !strings.HasPrefix(next.row(), "row 11 ") {
		t.Errorf("after the refresh the first row is %q; want row 11", next.row())
	}
	p.quiet(s.URL)
}

// TestBack leaves a dashboard for another and comes back by the browser's own button: the page is live again, and as new as a new one.
func TestBack(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{Node: "here", Interval: 2 * time.Second})
	for _, w := range ways[:3] {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			p := w.open(t, s.URL+"/d/overview")
			p.until(10*time.Second, isLive)
			p.click(`nav a[href$="/d/sensors"]`)
			p.until(10*time.Second, `location.pathname === "/d/sensors" && `+isLive)
			p.act("history.back();")
			p.until(10*time.Second, `location.pathname === "/d/overview" && document.readyState === "complete" && `+isLive)
			const at = `Number(document.querySelector("[data-panel]").getAttribute("data-version"))`
			before, err := eval[float64](p, at)
			p.must(err)
			p.until(5*time.Second, fmt.Sprintf("%s > %.0f", at, before))
			p.quiet(s.URL)
		})
	}
}
