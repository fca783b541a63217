package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

var byForm = []string{"Content-Type: application/x-www-form-urlencoded", "Accept: text/html"}

// TestAlertPages reads and acknowledges alerts as people do, without scripts.
func TestAlertPages(t *testing.T) {
	t.Parallel()
	source, own := new(boilers), &boilers{perUser: true}
	source.heat.Store(95)
	own.heat.Store(85)
	opts := two(dashboard.Options{})
	opts.Feeds = append(opts.Feeds, source.feed("boilers", ""), own.feed("mine2", "7", "8"))
	w := newWall(t, opts, false)
	w.alertsOf("", 3)
	page := w.get("/alerts?unionId=7").body
	for _, want := range []string{
		"North &lt;b&gt;", "Critical", "Warning", `95</b> <span class="unit">°C</span>`, "≥ 90", `href="/alerts" aria-current="page"`, `data-slot="raised">2</b>`, "room=alerts",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page of user 7 lacks %q", want)
		}
	}
	if board := w.get("/d/main").body; !strings.Contains(board, `data-slot="raised">3</b>`) {
		t.Error("a dashboard does not say beside the link that 3 are raised")
	}
	others := w.alerts("?unionId=8")[1].ID
	w.get("/alerts/"+others+"?unionId=7").wantProblem(t, "another user's", http.StatusNotFound, "there is none")

	path := "/alerts/" + w.alerts("?feed=boilers")[0].ID
	bad := w.do(http.MethodPost, path, "by=&note=so+far+%3Cb%3E", byForm...)
	if bad.StatusCode != http.StatusBadRequest || !strings.Contains(bad.body, "so far &lt;b&gt;</textarea>") || !strings.Contains(bad.body, "Not acknowledged: by") {
		t.Errorf("without a name: %d; want 400 with what was typed, and why", bad.StatusCode)
	}
	good := w.do(http.MethodPost, path+"?unionId=7", "by=Ann&note=on+it", byForm...)
	if good.StatusCode != http.StatusSeeOther || good.Header.Get("Location") != "/alerts?unionId=7" {
		t.Errorf("acknowledge: %d to %q; want 303 to all", good.StatusCode, good.Header.Get("Location"))
	}
	if one := w.get(path).body; !strings.Contains(one, "Ann") || !strings.Contains(one, "on it") || strings.Contains(one, "<form") {
		t.Error("the page of the alert does not say who has acknowledged it, or still asks")
	}
	if late := w.do(http.MethodPost, path, "by=Bob", byForm...); late.StatusCode != http.StatusConflict || !strings.Contains(late.body, "acknowledged already") {
		t.Errorf("once more: %d; want 409 on the page", late.StatusCode)
	}
	source.heat.Store(20)
	w.alertsOf("?feed=boilers", 0)
	if list := w.get("/alerts").body; !strings.Contains(list, "Cleared lately") {
		t.Error("the page does not say what was cleared")
	}
}

// TestNoAlertPages: without feeds that have any there is no link, and the page says how to have some.
func TestNoAlertPages(t *testing.T) {
	t.Parallel()
	w := newWall(t, two(dashboard.Options{}), false)
	if page := w.get("/alerts"); page.StatusCode != http.StatusOK || !strings.Contains(page.body, "alerts: true") || strings.Contains(page.body, `data-slot="raised"`) {
		t.Errorf("the page of alerts: %d; want what to do, and no link", page.StatusCode)
	}
	w.get("/alerts/none").wantProblem(t, "no alert", http.StatusNotFound, "there is none")
}

// alertPaging calls the pages of alerts, well and badly.
func alertPaging(t *testing.T, seen map[string]bool) {
	t.Helper()
	source := new(boilers)
	source.heat.Store(95)
	s := describedWall(t, dashboard.Options{}, seen, source.feed("boilers", ""))
	one := "/alerts/" + s.alertsOf("", 1)[0].ID + "?unionId=7"
	for _, c := range []call{
		{200, "GET /alerts?unionId=7", "", nil}, {304, "GET /alerts", "", again}, {400, "GET /alerts?unionId=x", "", nil},
		{200, "HEAD /alerts", "", nil}, {200, "GET " + one + "&name=Ann", "", nil}, {200, "HEAD " + one, "", nil}, {304, "GET " + one, "", again}, {400, "GET /alerts/none?unionId=x", "", nil},
		{404, "GET /alerts/none", "", nil}, {400, "POST " + one, "by=&note=x", nil}, {403, "POST " + one, "by=Ann", evil},
		{404, "POST /alerts/none", "by=Ann", nil}, {303, "POST " + one, "by=Ann&note=on+it", nil}, {409, "POST " + one, "by=Ann", nil},
	} {
		s.check(c)
	}
}
