package views

import (
	"testing"
	"time"
)

func cannedAlerts() AlertsView {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	value, low := 93.5, 0.0421
	raised := AlertView{
		ID: "a-1", Feed: "boilers", Record: "1", Label: "North <b>", Field: "heat", Unit: "°C", Value: &value, Bound: 90, State: "crit",
		Since: now.Add(-time.Minute),
	}
	known := AlertView{
		ID: "b-1", Feed: "host@node-2", Record: "disk", Field: "free", Value: &low, Bound: 0.05, Below: true, State: "warn",
		Since: now.Add(-30 * time.Hour), AckBy: "Ann", AckNote: "a new one is on its way",
	}
	gone := AlertView{ID: "c-1", Feed: "boilers", Record: "7", Field: "heat", Bound: 80, State: "warn", Since: now.Add(-time.Hour), Cleared: now, Gone: true}
	return AlertsView{
		Frame: cannedFrame("Alerts"), Now: now, UnionID: "7", Name: "Ann", Raised: []AlertView{raised, known}, Cleared: []AlertView{gone}, Full: true,
	}
}

func TestAlertsGolden(t *testing.T) {
	v := cannedAlerts()
	golden(t, "page-alerts.html", Alerts(v))
	v.Ack, v.Full = &v.Raised[0], false
	golden(t, "page-alerts-ack.html", Alerts(v))
	golden(t, "page-alerts-none.html", Alerts(AlertsView{Frame: cannedFrame("Alerts"), Now: v.Now}))
}
