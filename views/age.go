package views

import (
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// lateAfter is how long after it was due a reading is called late.
const lateAfter = 2 * time.Second

// Freshness says how old data is and, unless it is fresh, why. Before and After stand around At, where At is not zero.
type Freshness struct {
	Class  string // "" fresh, "wait" not there yet, "old" not to be trusted
	Before string
	At     time.Time
	After  string
}

// Fresh judges a reading on the server's clock.
func Fresh(r feeds.Reading, now time.Time) Freshness {
	age := Duration(now.Sub(r.At))
	switch {
	case r.Status == feeds.Failed:
		return around("old", text.FailingSince, r.Since)
	case r.Status == feeds.Stale && r.Reason == feeds.ReasonFailed:
		s := fill(text.SourceFailing, "error", isolate(strings.TrimSuffix(r.Error, ".")))
		if r.Circuit == feeds.CircuitOpen && !r.Due.IsZero() {
			s = both(s, fill(text.NextTry, "age", Duration(r.Due.Sub(now))))
		}
		return around("old", both(s, fill(text.DataOfAge, "age", age)), r.At)
	case r.Status == feeds.Stale && r.SourceAt.IsZero():
		return Freshness{Class: "old", Before: text.SourceOldPlain}
	case r.Status == feeds.Stale:
		return Freshness{Class: "old", Before: fill(text.SourceOld, "age", Duration(now.Sub(r.SourceAt)))}
	case r.Status == feeds.Loading || r.At.IsZero():
		return Freshness{Class: "wait", Before: text.Waiting}
	case !r.Due.IsZero() && now.Sub(r.Due) > lateAfter:
		late := fill(text.Late, "age", Duration(now.Sub(r.Due)))
		return Freshness{Class: "old", Before: both(late, fill(text.DataAge, "age", age))}
	}
	return Freshness{Before: age}
}

// both joins a reason and what goes with it, as the script does.
func both(reason, more string) string { return reason + " · " + more }

// isolate keeps marks in foreign text that turn the direction of writing from turning the words around it.
func isolate(s string) string {
	if strings.ContainsAny(s, "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
		return "\u2068" + s + "\u2069"
	}
	return s
}

// around splits s at its {time}. An error sentence may hold the word itself, so the last one counts.
func around(class, s string, at time.Time) Freshness {
	i := strings.LastIndex(s, "{time}")
	if i < 0 || at.IsZero() {
		return Freshness{Class: class, Before: strings.ReplaceAll(s, "{time}", none)}
	}
	return Freshness{Class: class, Before: s[:i], At: at, After: s[i+len("{time}"):]}
}

// Duration shows d in its two largest units: "34 s", "2 min", "1 h 5 min", "3 d 2 h". Minutes go without seconds.
func Duration(d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	unit := func(word string, n int64) string { return fill(word, "n", strconv.FormatInt(n, 10)) }
	two := func(big, small string, n, rest int64) string {
		if rest == 0 {
			return unit(big, n)
		}
		return unit(big, n) + " " + unit(small, rest)
	}
	switch {
	case s < 60:
		return unit(text.Seconds, s)
	case s < 3600:
		return unit(text.Minutes, s/60)
	case s < 86400:
		return two(text.Hours, text.Minutes, s/3600, s%3600/60)
	}
	return two(text.Days, text.Hours, s/86400, s%86400/3600)
}

// clock is a time of day as people read it; the script shows it in local time.
func clock(t time.Time) string { return t.UTC().Format("15:04:05") + " UTC" }

// machine is the same time for the datetime attribute.
func machine(t time.Time) string { return t.UTC().Format(stampLayout) }

// millis is t as an attribute; empty for the zero time.
func millis(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
