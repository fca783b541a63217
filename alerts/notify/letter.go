package notify

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
)

// letter is the text of a mail: what happened, the numbers, and where to look.
func letter(e alerts.Event, link string) string {
	a := e.Alert
	var b strings.Builder
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(&b, "%-9s %s\n", name, oneLine(text, 300))
		}
	}
	b.WriteString(summary(e) + "\n\n")
	row("Feed", a.Feed)
	row("Node", a.Node)
	row("User", a.UnionID)
	row("Record", a.Record)
	row("Field", a.Field)
	value := "none"
	if a.Value != nil {
		value = quantity(*a.Value, a.Unit)
	}
	row("Value", value)
	side := " or more"
	if a.Below {
		side = " or less"
	}
	row("Bound", quantity(a.Bound, a.Unit)+side)
	state := string(a.State)
	if e.Change == alerts.Cleared {
		state = "cleared, was " + state
	}
	row("State", state)
	row("Since", moment(a.Since))
	row("Raised", moment(a.Raised))
	row("Cleared", moment(a.Cleared))
	if link != "" {
		b.WriteString("\n" + link + "\n")
	}
	return b.String()
}

func quantity(v float64, unit string) string {
	return strings.TrimSpace(strconv.FormatFloat(v, 'f', -1, 64) + " " + unit)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
