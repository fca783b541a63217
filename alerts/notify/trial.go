package notify

import (
	"crypto/rand"
	"strings"
	"time"
	"unicode"

	"github.com/pulsewall/pulsewall/alerts"
)

// Trial is the change of an event that is made up to see whether it arrives. It is told whatever feeds are asked for.
const Trial alerts.Change = "test"

// NewTrial returns an event that says it is a test. Each has an ID of its own.
func NewTrial(now time.Time) alerts.Event {
	id, value := "test-"+strings.ToLower(rand.Text()), 1.0
	now = now.UTC().Truncate(time.Millisecond)
	return alerts.Event{
		ID:     id + "-1",
		Change: Trial,
		Time:   now,
		Alert: alerts.Alert{
			ID: id, Feed: "test", Record: "test", Field: "value", Value: &value, Bound: 1, State: alerts.Warn, Since: now, Raised: now,
		},
	}
}

// summary says an event in one line, whatever stands in the record.
func summary(e alerts.Event) string {
	if e.Change == Trial {
		return "test: this is how alerts arrive, nothing is wrong"
	}
	return oneLine(e.Text(), 300)
}

// oneLine is s without what moves a cursor or ends a header, cut where it has more than most characters.
func oneLine(s string, most int) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)), " ")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return s
}
