package views

import (
	"strings"
	"testing"
	"time"
)

func cannedAlerts() AlertsView {
	page := overview()
	page.Frame, page.Panels, page.PerUser = cannedFrame("Alerts"), nil, false
	page.Nav = append(page.Nav, Link{Title: "Alerts", Href: "/alerts", Current: true, IsAlerts: true, Raised: 2})
	value, cold := 31.2, 3.5
	since := noon.Add(-5 * time.Minute)
	return AlertsView{
		PageView: page, Any: true,
		Raised: []AlertView{
			{Href: "/alerts/a1", Record: "Hall 3", Feed: "Rooms", Field: "Temperature", State: "crit", Value: &value, Bound: 30, Unit: "°C", Since: since},
			{
				Href: "/alerts/a2", Record: "Cellar <1>", Feed: "Rooms", Field: "Temperature", State: "warn", Value: &cold, Bound: 4, Below: true, Unit: "°C",
				Since: since, By: "Ada", Note: "on my way", Acknowledged: noon,
			},
		},
		Cleared: []AlertView{
			{Href: "/alerts/a3", Record: "Hall 1", Feed: "Rooms", Field: "Temperature", State: "crit", Bound: 30, Unit: "°C", Since: since.AddDate(0, 0, -1), Cleared: noon, Reason: "gone"},
		},
	}
}

func TestAlertsGolden(t *testing.T) {
	golden(t, "page-alerts.html", AlertsPage(cannedAlerts()))
	none := cannedAlerts()
	none.Raised, none.Cleared, none.Nav = nil, nil, nil
	golden(t, "page-alerts-none.html", AlertsPage(none))
	list := cannedAlerts()
	golden(t, "page-alert.html", AlertPage(AlertPageView{
		PageView: list.PageView, Alert: list.Raised[0], Href: "/alerts", By: "Ada", Note: "typed\nso far", Refusal: "the alert is cleared",
	}))
}

// TestAlertsAsk has what nobody has acknowledged lead to where one does, and nothing else.
func TestAlertsAsk(t *testing.T) {
	if n := strings.Count(string(render(t, AlertsPage(cannedAlerts()))), `class="button" href="/alerts/`); n != 1 {
		t.Errorf("%d alerts ask to be acknowledged; want the one that is raised and is not yet", n)
	}
	for _, a := range append(cannedAlerts().Raised[1:], cannedAlerts().Cleared...) {
		if strings.Contains(string(render(t, AlertPage(AlertPageView{PageView: cannedAlerts().PageView, Alert: a, Href: "/alerts"}))), "<form") {
			t.Errorf("the page of %s has a form", a.Record)
		}
	}
}
