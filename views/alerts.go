package views

import (
	"cmp"
	"math"
	"net/url"
	"strings"
	"time"
)

// AlertsView is the page of alerts: those that are raised, the worst first, and those that were cleared lately.
type AlertsView struct {
	Frame
	Now             time.Time
	UnionID, Name   string // of the viewer; may be empty
	Raised, Cleared []AlertView
	Full            bool
	Ack             *AlertView // the one that is to be acknowledged here; nil: none
}

// AlertView is one alert.
type AlertView struct {
	ID, Feed, Record, Label, Field, Unit string
	Value                                *float64
	Bound                                float64
	Below                                bool
	State                                string // warn or crit
	Since, Cleared                       time.Time
	Gone, Unwatched                      bool   // why it was cleared
	AckBy, AckNote                       string // empty: nobody knows of it
}

func (a AlertView) title() string { return cmp.Or(a.Label, a.Record) }

func (a AlertView) measured() string {
	if a.Value == nil {
		return ""
	}
	return a.quantity(*a.Value)
}

func (a AlertView) bound() string {
	if a.Below {
		return fill(text.AlertOrLess, "bound", a.quantity(a.Bound))
	}
	return fill(text.AlertOrMore, "bound", a.quantity(a.Bound))
}

func (a AlertView) quantity(v float64) string {
	places := 4
	if math.Abs(v) >= 100 {
		places = 1
	} else if math.Abs(v) >= 1 {
		places = 2
	}
	digits := number(v, places)
	if strings.Contains(digits, ".") {
		digits = strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
	}
	return strings.TrimSpace(digits + " " + a.Unit)
}

// moment is a time of a day, with the day where that is another than today's.
func moment(t, now time.Time) string {
	if t.UTC().YearDay() == now.UTC().YearDay() {
		return clock(t)
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

// why says why it was cleared, if its value did not come back.
func (a AlertView) why() string {
	switch {
	case a.Gone:
		return text.AlertGone
	case a.Unwatched:
		return text.AlertUnwatched
	}
	return ""
}

// query is who the viewer is, for the addresses of this page.
func (v AlertsView) query(more ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	if v.UnionID != "" {
		q.Set("unionId", v.UnionID)
	}
	if v.Name != "" {
		q.Set("name", v.Name)
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
