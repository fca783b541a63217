package feeds

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostFlaws is of how many fields a note tells.
const mostFlaws = 3

// flaws are the values of a table that cannot be shown, by field, in the order in which they were met. Its zero value is none.
type flaws struct {
	list []flaw
	more int // values of further fields
}

// flaw is what is wrong with values of a field.
type flaw struct {
	field, lack, example string
	count                int
}

// add notes that a value of a field is not what it should be.
func (f *flaws) add(field, lack string, v any) {
	for i := range f.list {
		if known := &f.list[i]; known.field == field && known.lack == lack {
			known.count++
			return
		}
	}
	if len(f.list) == mostFlaws {
		f.more++
		return
	}
	f.list = append(f.list, flaw{field: field, lack: lack, example: example(v), count: 1})
}

// addInfinite notes the values of a record that are no finite numbers, which JSON cannot carry.
func (f *flaws) addInfinite(r Record) {
	for _, field := range slices.Sorted(maps.Keys(r)) {
		if v := r[field]; endless(v, 0) {
			f.add(field, noFinite, v)
		}
	}
}

// note says what was wrong, in one sentence; empty: nothing.
func (f *flaws) note() string {
	if len(f.list) == 0 {
		return ""
	}
	var parts []string
	for _, w := range f.list {
		if w.count == 1 {
			parts = append(parts, fmt.Sprintf("1 value of %s is %s: %s", quote(w.field), w.lack, w.example))
		} else {
			parts = append(parts, fmt.Sprintf("%d values of %s are %s, such as %s", w.count, quote(w.field), w.lack, w.example))
		}
	}
	if f.more > 0 {
		parts = append(parts, fmt.Sprintf("%d more in other fields", f.more))
	}
	return sentence(strings.Join(parts, "; "))
}

// notes joins those that say something.
func notes(list ...string) string {
	var said []string
	for _, note := range list {
		if note != "" {
			said = append(said, note)
		}
	}
	return strings.Join(said, " ")
}

const longestExample = 40 // runes

func example(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(clip(v, longestExample))
	case []byte:
		return strconv.Quote(clip(string(v[:min(len(v), 4*longestExample)]), longestExample))
	case bool, int, int64, uint64, float32, float64, json.Number, time.Time:
		return clip(fmt.Sprint(v), longestExample)
	case []any:
		return "a list"
	}
	if reflect.ValueOf(v).CanFloat() {
		return fmt.Sprint(v)
	}
	return "an object"
}

const noFinite = "no finite number"

// lacks is what a value, which could not be made what a type asks for, is not.
func lacks(v any, kind string) string {
	switch {
	case endless(v, 0):
		return noFinite
	case kind == "time":
		return "no time"
	case kind == "bool":
		return "neither true nor false"
	case kind == "string", kind == "state":
		return "no text"
	}
	return "no number"
}

// isBlank says whether there is no value: nothing went wrong with it.
func isBlank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []byte:
		return strings.TrimSpace(string(v)) == ""
	}
	return false
}

// endless says whether v is, or holds, what is not a number or has no end.
func endless(v any, depth int) bool {
	if depth > maxNesting {
		return false
	}
	switch v := v.(type) {
	case float64:
		return math.IsNaN(v) || math.IsInf(v, 0)
	case float32:
		return endless(float64(v), depth)
	case Record:
		return endless(map[string]any(v), depth)
	case map[string]any:
		for _, w := range v {
			if endless(w, depth+1) {
				return true
			}
		}
		return false
	case []any:
		for _, w := range v {
			if endless(w, depth+1) {
				return true
			}
		}
		return false
	}
	r := reflect.ValueOf(v)
	return r.CanFloat() && endless(r.Float(), depth)
}
