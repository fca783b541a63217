package acceptance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestAlertPages raises an alert while a wall and the list of alerts are open: the navigation of the one and the other follow by
// themselves. It is acknowledged by the form on its page with scripts off, and clears.
func TestAlertPages(t *testing.T) {
	t.Parallel()
	crit := 30.0
	source := &rooms{}
	source.set(21.5, 22.0)
	s := newSite(t, dashboard.Options{
		Node: "here",
		Feeds: []feeds.Feed{{
			Name: "rooms", Source: source, Interval: time.Second, Thresholds: []feeds.Threshold{{Field: "celsius", Crit: &crit}}, AlertFor: []string{""},
		}},
		Boards: []dashboard.Board{{Name: "rooms", Panels: []dashboard.Panel{{Name: "table", Feed: "rooms"}}}},
	})
	wall, list, plain := newTab(t), newTab(t), newTab(t)
	wall.open(s.URL + "/d/rooms")
	wall.until(patient, isLive+` && document.querySelector("[data-slot=raised]").textContent === ""`)
	list.open(s.URL + "/alerts")
	list.until(patient, isLive+` && /All is well/.test(document.body.textContent)`)
	source.set(21.5, 33.0)
	wall.until(patient, `document.querySelector("[data-slot=raised]").textContent === "1"`)
	list.until(patient, `document.querySelectorAll(".alert.crit").length === 1 && document.querySelector("[data-slot=raised]").textContent === "1"`)

	plain.withoutScripts()
	plain.open(s.URL + "/alerts")
	_, page := get(t, s.URL+"/alerts")
	_, path, ok := strings.Cut(page, `class="button" href="/alerts/`)
	id, _, _ := strings.Cut(path, `"`)
	if !ok {
		t.Fatal("the list has no button to acknowledge")
	}
	plain.open(s.URL + "/alerts/" + id)
	plain.quiet(s.URL)
	resp, err := http.PostForm(s.URL+"/alerts/"+id, url.Values{"by": {"Ada"}, "note": {"on my way <b>"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/alerts" {
		t.Errorf("acknowledging = %d at %s; want to be led to /alerts", resp.StatusCode, resp.Request.URL)
	}
	list.until(patient, `/Ada/.test(document.querySelector(".ack").textContent) && /on my way <b>/.test(document.querySelector(".ack").textContent)`)
	for _, width := range []int64{360, 1440} {
		list.size(width, 900)
		list.until(patient, fmt.Sprintf("window.innerWidth === %d", width))
		list.fits(fmt.Sprint(width))
	}
	source.set(21.5, 22.0)
	list.until(patient, `!document.querySelector(".alert.crit") && /Cleared lately/.test(document.body.textContent)`)
	wall.until(patient, `document.querySelector("[data-slot=raised]").textContent === ""`)
	wall.quiet(s.URL)
	list.quiet(s.URL)
}
