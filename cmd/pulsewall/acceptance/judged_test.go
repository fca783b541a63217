package acceptance

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// rooms is a source of temperatures that the test sets.
type rooms struct {
	mu      sync.Mutex
	celsius []any // guarded by mu; nil where a room has none
}

func (*rooms) Describe() feeds.Description {
	return feeds.Description{
		Title: "Rooms", ID: "room", Values: []string{"celsius"}, Whole: true,
		Fields: []feeds.Field{
			{Name: "room", Label: "Room", Type: "string"}, {Name: "use", Label: "Use", Type: "string"},
			{Name: "floor", Label: "Floor", Type: "integer"}, {Name: "celsius", Label: "Temperature", Unit: "°C", Type: "number"},
		},
	}
}

func (r *rooms) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []feeds.Record
	for i, v := range r.celsius {
		list = append(list, feeds.Record{"room": fmt.Sprintf("Hall %d of the northern wing", i+1), "use": "storage of paintings", "floor": i, "celsius": v})
	}
	return feeds.Result{Records: list}, nil
}

func (r *rooms) set(celsius ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.celsius = celsius
}

// TestThresholdsAreSeen shows records that are well, warm, too warm and unknown as tiles, table and chart: each state is a word in the
// window of a phone, readable in light and dark, and follows the readings.
func TestThresholdsAreSeen(t *testing.T) {
	t.Parallel()
	warn, crit := 26.0, 30.0
	source := &rooms{}
	source.set(21.5, 27.2, 31.0, nil)
	opts := dashboard.Options{
		Node: "here",
		Feeds: []feeds.Feed{{
			Name: "rooms", Source: source, Interval: time.Second, Thresholds: []feeds.Threshold{{Field: "celsius", Warn: &warn, Crit: &crit}},
		}},
		Boards: []dashboard.Board{{Name: "rooms", Panels: []dashboard.Panel{
			{Name: "tiles", Feed: "rooms", View: "tiles"}, {Name: "table", Feed: "rooms", Fields: []string{"room", "use", "floor", "celsius"}},
			{Name: "chart", Feed: "rooms", View: "chart"},
		}}},
	}
	s := newSite(t, opts)
	p := newTab(t)
	p.size(1440, 1000)
	p.open(s.URL + "/d/rooms")
	p.until(patient, isLive+` && document.querySelector(".uplot canvas")`)
	p.states("tiles", "OK", "Warning", "Critical", "Unknown")
	p.states("table", "OK", "Warning", "Critical", "Unknown")
	p.states("chart .legend", "Warning", "Critical")
	p.tallies("1 critical, 1 warning")
	for _, scheme := range []string{"light", "dark"} {
		p.scheme(scheme)
		for _, width := range []int64{360, 1440} {
			p.size(width, 900)
			p.until(patient, fmt.Sprintf("window.innerWidth === %d", width))
			p.fits(fmt.Sprint(scheme, " ", width))
			unseen, err := eval[[]string](p, unseenStates)
			p.must(err)
			if len(unseen) > 0 {
				t.Errorf("%s, %d px: %s", scheme, width, strings.Join(unseen, "; "))
			}
		}
	}
	p.until(patient, `document.querySelectorAll(".plot i.bound").length === 2`)
	source.set(33.4, 27.2, 21.0, nil)
	p.states("tiles", "Critical", "Warning", "OK", "Unknown")
	p.states("table", "Critical", "Warning", "OK", "Unknown")
	source.set(21.0, 21.5, 22.0, 21.8)
	p.tallies("")
	p.states("tiles", "OK", "OK", "OK", "OK")
	p.quiet(s.URL)
}

// states waits until the marks of a panel say so.
func (p *tab) states(panel string, want ...string) {
	p.t.Helper()
	name, part, _ := strings.Cut(panel, " ")
	p.until(patient, fmt.Sprintf(`[].map.call(document.querySelectorAll("[data-panel=%s] [data-slot=body] %s .mark"), function (mark) {
		return mark.textContent;
	}).join(" ") === %q`, name, part, strings.Join(want, " ")))
}

// tallies waits until the heads of all panels say so.
func (p *tab) tallies(want string) {
	p.t.Helper()
	p.until(patient, fmt.Sprintf(`[].every.call(document.querySelectorAll("[data-slot=tally]"), function (tally) { return tally.textContent === %q; })`, want))
}

// unseenStates are the marks that are out of the window, or whose contrast is less than 4.5 (WCAG 2.2, 1.4.3).
const unseenStates = `(function () {
	function light(colour) {
		var v = colour.map(function (c) { c /= 255; return c <= 0.04045 ? c / 12.92 : Math.pow((c + 0.055) / 1.055, 2.4); });
		return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2];
	}
	function ground(e) {
		for (; e; e = e.parentElement) {
			var c = getComputedStyle(e).backgroundColor.match(/[\d.]+/g).map(Number);
			if (c.length < 4 || c[3] === 1) { return c.slice(0, 3); }
		}
		return [255, 255, 255];
	}
	function contrast(e) {
		var a = light(getComputedStyle(e).color.match(/[\d.]+/g).map(Number).slice(0, 3)), b = light(ground(e));
		return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	}
	return [].filter.call(document.querySelectorAll(".mark, .value.warn, .value.crit, td.warn, td.crit, .legend .bound"), function (e) {
		return e.getClientRects().length && e.textContent;
	}).map(function (e) {
		var box = e.getBoundingClientRect(), name = e.textContent + " (" + e.className + ")", c = contrast(e);
		if (/mark/.test(e.className) && (box.left < 0 || box.right > window.innerWidth)) { return name + " is out of the window"; }
		return c < 4.5 ? name + " has a contrast of " + c.toFixed(2) : "";
	}).filter(Boolean);
}())`
