package views

import (
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// AlertsView is the page of alerts.
type AlertsView struct {
	PageView
	Raised, Cleared []AlertView
	Full            bool // more would be raised than can be
	Any             bool // a feed has alerts
}

// AlertPageView is the page of one alert, on which it is acknowledged. It does not load itself again, so that nothing typed is lost.
type AlertPageView struct {
	PageView
	Alert    AlertView
	Href     string // of all alerts
	By, Note string // what was typed and not taken
	Refusal  string // why
	Signed   bool   // By is who a token says it is
}

// AlertView is an alert as people see it. All of it is text, whatever its source put into it.
type AlertView struct {
	Href                string // of its own page
	Record, Feed, Field string // what people call them
	State               feeds.State
	Value               *float64 // nil: it was missing
	Bound               float64
	Below               bool
	Unit                string
	Since               time.Time
	Cleared             time.Time // zero: it is raised
	Reason              string    // why it was cleared: "gone", "unwatched" or ""
	By, Note            string    // of who has acknowledged it
	Acknowledged        time.Time // zero: nobody has
}

// open says whether it still is to be acknowledged.
func (a AlertView) open() bool { return a.Cleared.IsZero() && a.Acknowledged.IsZero() }

func (a AlertView) mark() cell {
	if !a.Cleared.IsZero() {
		return cell{Text: text.ClearedWord, Mark: "none"}
	}
	return stateCell(a.State)
}

// class is the state of an alert that is raised.
func (a AlertView) class() string {
	if a.Cleared.IsZero() {
		return string(a.State)
	}
	return ""
}

func (a AlertView) value() cell {
	if a.Value == nil {
		return cell{Text: none, Empty: true}
	}
	return cell{Text: number(*a.Value, decimals(*a.Value)), Unit: a.Unit}
}

func (a AlertView) limit() string {
	sign := "≥"
	if a.Below {
		sign = "≤"
	}
	return sign + " " + number(a.Bound, decimals(a.Bound))
}

func (a AlertView) since() Freshness { return around("", text.AlertSince, a.Since) }

func (a AlertView) cleared() Freshness {
	s := text.AlertCleared
	switch a.Reason {
	case "gone":
		s = text.AlertGone
	case "unwatched":
		s = text.AlertUnwatched
	}
	return around("", s, a.Cleared)
}

func (a AlertView) acknowledged() Freshness { return around("", text.AlertAck, a.Acknowledged) }

func (v AlertPageView) refusal() string {
	if v.Refusal == "" {
		return ""
	}
	return fill(text.NotAcknowledged, "reason", v.Refusal)
}

func (l Link) raised() string {
	if l.Raised == 0 {
		return ""
	}
	return count(l.Raised)
}

// framed is the frame with the record in the title.
func (v AlertPageView) framed() Frame {
	v.Frame.Title = v.Alert.Record
	return v.Frame
}
