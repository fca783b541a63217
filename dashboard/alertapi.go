package dashboard

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/transport"
)

const (
	alertsPath = "/api/alerts"
	mostNote   = 500 // characters
)

// alertQuery says which alerts are asked for.
type alertQuery struct {
	state   string // raised, cleared or all
	feed    string // empty: of all
	unionID string // whose, beside those that are nobody's own; empty: of all
}

func readAlertQuery(r *http.Request) (alertQuery, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return alertQuery{}, err
	}
	out := alertQuery{state: cmp.Or(q.Get("state"), "raised"), feed: q.Get("feed")}
	if out.state != "raised" && out.state != "cleared" && out.state != "all" {
		return out, refuse(http.StatusBadRequest, "state %q: allowed are raised (the default), cleared and all", clip(out.state))
	}
	if out.feed != "" && !transport.ValidName(out.feed) {
		return out, refuse(http.StatusBadRequest, "feed %q: want 1–64 of A–Z a–z 0–9 . _ -", clip(out.feed))
	}
	out.unionID, _, err = who(r.Context(), q)
	return out, err
}

// matches says whether an alert is one of those.
func (q alertQuery) matches(a alerts.Alert) bool {
	return (q.state == "all" || (q.state == "raised") == a.Cleared.IsZero()) && (q.feed == "" || q.feed == a.Feed) && q.mayRead(a)
}

// mayRead says whether an alert is of records that all users share, or of this user's own.
func (q alertQuery) mayRead(a alerts.Alert) bool {
	return q.unionID == "" || a.UnionID == "" || a.UnionID == q.unionID
}

// list returns the alerts that are asked for. full: more were to be raised than can be.
func (d *Dashboard) listAlerts(q alertQuery) (list []alerts.Alert, full bool) {
	list = []alerts.Alert{}
	if d.alerts == nil {
		return list, false
	}
	all, full := d.alerts.Alerts()
	for _, a := range all {
		if q.matches(a) {
			list = append(list, a)
		}
	}
	return list, full
}

// getAlerts lists alerts, those that are raised first, and of these the worst.
func (d *Dashboard) getAlerts(w http.ResponseWriter, r *http.Request) {
	q, err := readAlertQuery(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	list, full := d.listAlerts(q)
	writeJSON(w, http.StatusOK, struct {
		Alerts []alerts.Alert `json:"alerts"`
		Full   bool           `json:"full"`
	}{list, full})
}

// ackDraft is an acknowledgement as it was sent.
type ackDraft struct {
	By   string `json:"by"`
	Note string `json:"note"`
}

// readAck reads {"by","note"}, or a form of the same. Without by it is who the query names.
func readAck(r *http.Request, name string) (ackDraft, error) {
	if err := takeBody(r); err != nil {
		return ackDraft{}, err
	}
	var a ackDraft
	if isForm(r) {
		if err := r.ParseForm(); err != nil {
			return a, refuse(http.StatusBadRequest, "the form cannot be read: %s", clip(err.Error()))
		}
		a = ackDraft{By: typed(r.PostForm.Get("by")), Note: typed(r.PostForm.Get("note"))}
	} else if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		return a, badBody(err, `{"by":"Ann","note":"on it"}`)
	}
	a.By, a.Note = cmp.Or(strings.Join(strings.Fields(a.By), " "), name), strings.TrimSpace(a.Note)
	if !visible(a.By) || utf8.RuneCountInString(a.By) > mostName {
		return a, refuse(http.StatusBadRequest, "by %q: want a name of 1–%d characters that can be seen", clip(a.By), mostName)
	}
	if n := utf8.RuneCountInString(a.Note); n > mostNote {
		return a, refuse(http.StatusBadRequest, "note has %d characters: at most %d are allowed", n, mostNote)
	}
	return a, nil
}

// postAck notes on an alert who knows of it.
func (d *Dashboard) postAck(w http.ResponseWriter, r *http.Request) {
	a, err := d.acknowledge(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	if isForm(r) {
		w.Header().Set("Cache-Control", "no-store")
		http.Redirect(w, r, d.backTo(r), http.StatusSeeOther)
		return
	}
	writeJSON(w, http.StatusOK, a)
}

func (d *Dashboard) acknowledge(r *http.Request) (alerts.Alert, error) {
	if err := d.checkOrigin(r); err != nil {
		return alerts.Alert{}, err
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return alerts.Alert{}, err
	}
	unionID, name, err := who(r.Context(), q)
	if err != nil {
		return alerts.Alert{}, err
	}
	p := signedInAs(r.Context())
	if p != nil {
		name = cmp.Or(name, unionID)
	}
	draft, err := readAck(r, name)
	if err != nil {
		return alerts.Alert{}, err
	}
	if p != nil { // whoever the body says it is
		draft.By = name
	}
	id := chi.URLParam(r, "id")
	all, _ := d.listAlerts(alertQuery{state: "all", unionID: unionID})
	for _, a := range all {
		if a.ID != id {
			continue
		}
		a, err := d.alerts.Acknowledge(r.Context(), id, draft.By, draft.Note)
		return a, refuseAck(err)
	}
	return alerts.Alert{}, refuse(http.StatusNotFound, "alert %q: there is none, or no longer", clip(id))
}

// refuseAck says why an alert cannot be acknowledged.
func refuseAck(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, alerts.ErrUnknown):
		return refuse(http.StatusNotFound, "%s, or no longer", err)
	case errors.Is(err, alerts.ErrCleared), errors.Is(err, alerts.ErrAcknowledged):
		return refuse(http.StatusConflict, "%s", err)
	}
	return refuse(http.StatusServiceUnavailable, "the other nodes do not answer: try again").after(time.Second)
}
