package views

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// cell is one value, ready to be shown.
type cell struct {
	Text  string
	Small string      // a second, quieter line
	Unit  string      // after the text
	Trend string      // "up", "down" or "" of a change
	At    time.Time   // of a time, for the datetime attribute
	Bar   string      // 0–100 of a percentage; empty: no bar
	Mark  string      // "ok", "wait", "warn", "crit" or "none" of a state; empty: no mark
	State feeds.State // warn or crit of a number that is beyond a bound
	Empty bool        // there is no value
}

// format shows v as a field of its type says. places is for numbers, near is the time of the reading: times of the
// same day go without the date.
func format(v any, field feeds.Field, places int, near time.Time) cell {
	if v == nil {
		return cell{Text: none, Empty: true}
	}
	switch field.Type {
	case "time":
		return formatTime(v, near)
	case "bool":
		return formatBool(v)
	case "string":
		return plain(v)
	case "state":
		return formatState(v)
	}
	f, ok := toNumber(v)
	if !ok {
		return plain(v)
	}
	switch field.Type {
	case "bytes":
		value, unit := byteSize(f)
		return cell{Text: value, Unit: unit}
	case "percent":
		share := math.Round(min(max(f, 0), 100)*10) / 10
		return cell{Text: number(f, places), Bar: strconv.FormatFloat(share, 'f', -1, 64)}
	case "change":
		return formatChange(f, field.Unit, places)
	case "integer":
		return cell{Text: number(f, 0)}
	case "duration":
		return formatDuration(f, places)
	}
	return cell{Text: number(f, places)}
}

// formatDuration shows seconds. Those that Duration has no words for stay a number: parts of one, and more than 292 years.
func formatDuration(seconds float64, places int) cell {
	switch size := math.Abs(seconds); {
	case size > 0 && size < 1, size >= math.MaxInt64/float64(time.Second):
		return cell{Text: number(seconds, places), Unit: "s"}
	case seconds < 0:
		return cell{Text: "−" + Duration(time.Duration(size*float64(time.Second)))}
	}
	return cell{Text: Duration(time.Duration(seconds * float64(time.Second)))}
}

func formatChange(f float64, unit string, places int) cell {
	if unit == "" {
		unit = "%"
	}
	c := cell{Text: number(math.Abs(f), places), Unit: unit}
	switch {
	case f > 0:
		c.Trend = "up"
	case f < 0:
		c.Trend = "down"
	}
	return c
}

// marks are what states mean to who looks after the thing.
var marks = map[string]string{
	"live": "ok", "leaving": "wait", "left": "wait", "alone": "warn", "unknown": "warn", "gone": "crit",
	"ok": "ok", "up": "ok", "warn": "warn", "warning": "warn", "crit": "crit", "critical": "crit", "down": "crit", "failed": "crit",
}

func formatState(v any) cell {
	c := plain(v)
	c.Mark = marks[strings.ToLower(c.Text)]
	return c
}

func formatTime(v any, near time.Time) cell {
	t, dateOnly, ok := toTime(v)
	switch {
	case !ok:
		return plain(v)
	case dateOnly:
		return cell{Text: t.Format("2 Jan 2006")}
	case t.UTC().Format(time.DateOnly) == near.UTC().Format(time.DateOnly):
		return cell{Text: clock(t), At: t}
	}
	layout := "2 Jan 2006 15:04"
	if t.UTC().Year() == near.UTC().Year() {
		layout = "2 Jan 15:04"
	}
	return cell{Text: t.UTC().Format(layout) + " UTC", At: t}
}

func formatBool(v any) cell {
	b, ok := v.(bool)
	switch {
	case !ok:
		return plain(v)
	case b:
		return cell{Text: text.Yes}
	}
	return cell{Text: text.No}
}

// plain shows a value of any type as text.
func plain(v any) cell {
	switch x := v.(type) {
	case nil:
		return cell{Text: none, Empty: true}
	case string:
		return cell{Text: x, Empty: x == ""}
	case bool:
		return formatBool(x)
	case time.Time:
		return cell{Text: clock(x), At: x}
	case map[string]any, []any:
		if b, err := json.Marshal(x); err == nil {
			return cell{Text: string(b)}
		}
	case float32, float64:
		if f, ok := toNumber(x); ok {
			return cell{Text: number(f, decimals(f))}
		}
		return cell{Text: none, Empty: true}
	}
	return cell{Text: fmt.Sprint(v)}
}

// numeric says whether values of a type stand right-aligned.
func numeric(kind string) bool {
	switch kind {
	case "number", "integer", "bytes", "percent", "duration", "change":
		return true
	}
	return false
}
