package dashboard

import (
	"fmt"
	"net/http"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

const (
	alertsPage    = "/alerts"
	alertsRefresh = 10 * time.Second
)

// getAlertsPage shows the alerts to people. Where one is to be acknowledged the page does not load itself again, which would take what was typed.
func (d *Dashboard) getAlertsPage(w http.ResponseWriter, r *http.Request) {
	v, err := d.alertsView(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.revalidated(w)
	if v.Ack == nil {
		w.Header().Set("Refresh", fmt.Sprint(int(alertsRefresh.Seconds())))
	}
	if notModified(w, r, d.tag(alertsPage, v.shown)) {
		return
	}
	d.render(w, r, http.StatusOK, views.Alerts(v.AlertsView))
}

// alertsView is the page, with what is on it in a form that can be compared.
type alertsView struct {
	views.AlertsView
	shown string
}

func (d *Dashboard) alertsView(r *http.Request) (*alertsView, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	ack := q.Get("ack")
	if ack != "" && !transport.ValidName(ack) {
		return nil, refuse(http.StatusBadRequest, "ack %q: want the id of an alert", clip(ack))
	}
	v := &alertsView{AlertsView: views.AlertsView{Frame: d.frame(views.English.Alerts, alertsPage), Now: time.Now()}}
	if v.UnionID, v.Name, err = who(r.Context(), q); err != nil {
		return nil, err
	}
	list, full := d.listAlerts(alertQuery{state: "all", unionID: v.UnionID})
	v.Full = full
	for _, a := range list {
		shown := alertView(a)
		if !a.Cleared.IsZero() {
			v.Cleared = append(v.Cleared, shown)
			continue
		}
		v.Raised = append(v.Raised, shown)
		if a.ID == ack && a.Ack == nil {
			v.Ack = &shown
		}
	}
	text, err := marshal(list)
	v.shown = fmt.Sprint(v.UnionID, v.Name, v.Full, v.Ack != nil, v.Now.UTC().YearDay(), string(text))
	return v, err
}

func alertView(a alerts.Alert) views.AlertView {
	v := views.AlertView{
		ID: a.ID, Feed: a.Feed, Record: a.Record, Label: a.Label, Field: a.Field, Unit: a.Unit, Value: a.Value, Bound: a.Bound, Below: a.Below,
		State: string(a.State), Since: a.Since, Cleared: a.Cleared, Gone: a.Reason == alerts.ReasonGone, Unwatched: a.Reason == alerts.ReasonUnwatched,
	}
	if a.Node != "" {
		v.Feed += "@" + a.Node
	}
	if a.Ack != nil {
		v.AckBy, v.AckNote = a.Ack.By, a.Ack.Note
	}
	return v
}
