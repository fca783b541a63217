package dashboard

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/views"
)

const (
	alertsPage    = "/alerts"
	alertsRefresh = 10 * time.Second // of a page without scripts
)

// getAlertList is the page of all alerts.
func (d *Dashboard) getAlertList(w http.ResponseWriter, r *http.Request) {
	unionID, _, err := alertReader(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	_, cursor := d.hub.Snapshot(nil) // first: what changes in between loads the page again
	list, full := d.listAlerts(alertQuery{state: "all", unionID: unionID})
	v := views.AlertsView{
		PageView: d.livePage(d.frame(views.English.Alerts, alertsPage), &visit{unionID: unionID}), Full: full, Any: d.alerts != nil,
	}
	v.Cursor, v.Refresh = cursor, alertsRefresh
	for _, a := range list {
		if shown := d.alertView(a, unionID); a.Cleared.IsZero() {
			v.Raised = append(v.Raised, shown)
		} else {
			v.Cleared = append(v.Cleared, shown)
		}
	}
	raw, err := marshal(list)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.revalidated(w)
	if notModified(w, r, d.tag("alerts", v.Nav, v.UnionID, v.Users, v.Connections, v.Degraded, messageIDs(v.Notices.Messages), v.Notices.Earlier, full, string(raw))) {
		return
	}
	d.render(w, r, http.StatusOK, views.AlertsPage(v))
}

// alertReader is who looks at alerts.
func alertReader(r *http.Request) (unionID, name string, err error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return "", "", err
	}
	return who(r.Context(), q)
}

// getAlert is the page of one alert, on which it is acknowledged.
func (d *Dashboard) getAlert(w http.ResponseWriter, r *http.Request) {
	unionID, name, err := alertReader(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	v, err := d.alertPage(r, unionID)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if v.By = name; v.Signed {
		v.By = cmp.Or(name, unionID)
	}
	shown, err := marshal(v.Alert)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.revalidated(w)
	if notModified(w, r, d.tag("alert", v.Nav, v.UnionID, v.By, v.Degraded, string(shown))) {
		return
	}
	d.render(w, r, http.StatusOK, views.AlertPage(v))
}

func (d *Dashboard) alertPage(r *http.Request, unionID string) (views.AlertPageView, error) {
	id := chi.URLParam(r, "id")
	list, _ := d.listAlerts(alertQuery{state: "all", unionID: unionID})
	i := slices.IndexFunc(list, func(a alerts.Alert) bool { return a.ID == id })
	if i < 0 {
		return views.AlertPageView{}, refuse(http.StatusNotFound, "alert %q: there is none, or no longer", clip(id))
	}
	return views.AlertPageView{
		PageView: d.livePage(d.frame(views.English.Alerts, alertsPage), &visit{unionID: unionID}),
		Alert:    d.alertView(list[i], unionID), Href: alertHref("", unionID), Signed: signedInAs(r.Context()) != nil,
	}, nil
}

// postAlertPage acknowledges an alert by the form on its page, and leads back to all. What is refused stays in the form, with why.
func (d *Dashboard) postAlertPage(w http.ResponseWriter, r *http.Request) {
	_, err := d.acknowledge(r)
	unionID, _, _ := alertReader(r) // a wrong one is among the mistakes above
	if err == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, alertHref("", unionID), http.StatusSeeOther)
		return
	}
	v, missing := d.alertPage(r, unionID)
	if missing != nil || !wantsPage(r) {
		d.refuse(w, r, err)
		return
	}
	p := d.refused(w, r, err)
	v.By, v.Note, v.Refusal = typed(r.PostFormValue("by")), typed(r.PostFormValue("note")), p.Detail
	d.render(w, r, p.Status, views.AlertPage(v))
}

// alertHref is the address of the page of an alert, or of all.
func alertHref(id, unionID string) string {
	path := alertsPage
	if id != "" {
		path += "/" + url.PathEscape(id)
	}
	if unionID != "" {
		path += "?unionId=" + unionID
	}
	return path
}

// alertView is an alert with the names that its feed has for people.
func (d *Dashboard) alertView(a alerts.Alert, viewer string) views.AlertView {
	about := d.abouts[a.Feed]
	v := views.AlertView{
		Href: alertHref(a.ID, viewer), Record: cmp.Or(a.Label, a.Record), Feed: cmp.Or(about.Title, a.Feed), Field: a.Field, State: feeds.State(a.State),
		Value: a.Value, Bound: a.Bound, Below: a.Below, Unit: a.Unit, Since: a.Since, Cleared: a.Cleared, Reason: a.Reason,
	}
	if i := slices.IndexFunc(about.Fields, func(f feeds.Field) bool { return f.Name == a.Field }); i >= 0 {
		v.Field = cmp.Or(about.Fields[i].Label, a.Field)
	}
	if a.Node != "" {
		v.Feed += "@" + a.Node
	}
	if a.Ack != nil {
		v.By, v.Note, v.Acknowledged = a.Ack.By, a.Ack.Note, a.Ack.At
	}
	return v
}

// withRaised says beside the link to alerts how many are raised.
func (d *Dashboard) withRaised(nav []views.Link, unionID string) []views.Link {
	list, _ := d.listAlerts(alertQuery{state: "raised", unionID: unionID})
	for i := range nav {
		if nav[i].IsAlerts {
			nav[i].Raised = len(list)
		}
	}
	return nav
}
