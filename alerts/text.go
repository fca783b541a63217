package alerts

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Text says an event in one line of English, such as "sensors Boiler 1: value 93.5 °C is critical (90 °C or more)".
func (e Event) Text() string {
	a := e.Alert
	feed := a.Feed
	if a.Node != "" {
		feed += "@" + a.Node
	}
	subject := fmt.Sprintf("%s %s:", feed, cmp.Or(a.Label, a.Record))
	value := a.Field
	if a.Value != nil {
		value += " " + quantity(*a.Value, a.Unit)
	}
	limit := quantity(a.Bound, a.Unit) + " or more"
	if a.Below {
		limit = quantity(a.Bound, a.Unit) + " or less"
	}
	switch {
	case e.Change == Acknowledged && a.Ack != nil:
		text := subject + " acknowledged by " + a.Ack.By
		if a.Ack.Note != "" {
			text += ": " + strings.Join(strings.Fields(a.Ack.Note), " ")
		}
		return text
	case e.Change == Cleared && a.Reason == ReasonGone:
		return subject + " cleared, the record is gone"
	case e.Change == Cleared && a.Reason == ReasonUnwatched:
		return subject + " cleared, nobody judges the feed any more"
	case e.Change == Cleared:
		return subject + " cleared, " + value
	}
	how := "needs a look"
	if a.State == Crit {
		how = "is critical"
	}
	if e.Change == Better {
		how = "is no longer critical, but needs a look"
	}
	return fmt.Sprintf("%s %s %s (%s)", subject, value, how, limit)
}

func quantity(v float64, unit string) string {
	n := strconv.FormatFloat(v, 'f', -1, 64)
	if unit == "" {
		return n
	}
	return n + " " + unit
}
