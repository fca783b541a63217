package feeds

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a source may put into a record and into an error.
const (
	maxNesting  = 8
	maxSentence = 300 // runes
)

// timeLayout is how times are written: RFC 3339, UTC, milliseconds.
const timeLayout = "2006-01-02T15:04:05.000Z"

// sanitize makes records safe to encode as JSON, in place in the slice, and returns what was lost by that.
func sanitize(records []Record) flaws {
	var lost flaws
	for i, r := range records {
		records[i] = sanitizeRecord(r, &lost)
	}
	return lost
}

// sanitizeRecord returns r itself when it is safe already, which it is almost always.
func sanitizeRecord(r Record, lost *flaws) Record {
	if r == nil {
		return Record{}
	}
	for k, v := range r {
		if !safe(v) || !utf8.ValidString(k) {
			lost.addInfinite(r)
			return sanitizeMap(r, 0)
		}
	}
	return r
}

func safe(v any) bool {
	switch v := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return true
	case string:
		return utf8.ValidString(v)
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	}
	return false
}

func sanitizeMap(m map[string]any, depth int) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[strings.ToValidUTF8(k, "\uFFFD")] = sanitizeValue(v, depth)
	}
	return out
}

func sanitizeValue(v any, depth int) any {
	if safe(v) {
		return v
	}
	switch v := v.(type) {
	case string:
		return strings.ToValidUTF8(v, "\uFFFD")
	case []byte:
		return strings.ToValidUTF8(string(v), "\uFFFD")
	case float64:
		return nil // not a number, or infinite
	case float32:
		return sanitizeValue(float64(v), depth)
	case time.Time:
		return v.UTC().Format(timeLayout)
	case json.Number:
		return sanitizeNumber(v)
	case Record:
		return sanitizeNested(map[string]any(v), depth)
	case map[string]any:
		return sanitizeNested(v, depth)
	}
	return sanitizeOther(v, depth)
}

func sanitizeNumber(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, err := n.Float64()
	switch {
	case errors.Is(err, strconv.ErrRange):
		return n.String() // larger than any number
	case err != nil:
		return nil
	}
	return sanitizeValue(f, 0)
}

func sanitizeNested(m map[string]any, depth int) any {
	if m == nil || depth >= maxNesting {
		return nil
	}
	return sanitizeMap(m, depth+1)
}

// sanitizeOther takes named types by their kind; of the rest it shows what says how, or the type.
func sanitizeOther(v any, depth int) any {
	switch v.(type) {
	case fmt.Stringer, error:
		return strings.ToValidUTF8(fmt.Sprint(v), "\uFFFD")
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Bool:
		return r.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return r.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return r.Uint()
	case reflect.Float32, reflect.Float64:
		return sanitizeValue(r.Float(), depth)
	case reflect.String:
		return strings.ToValidUTF8(r.String(), "\uFFFD")
	case reflect.Pointer:
		if r.IsNil() || depth >= maxNesting {
			return nil
		}
		return sanitizeValue(r.Elem().Interface(), depth+1)
	case reflect.Slice, reflect.Array:
		if depth >= maxNesting {
			return nil
		}
		out := make([]any, r.Len())
		for i := range out {
			out[i] = sanitizeValue(r.Index(i).Interface(), depth+1)
		}
		return out
	}
	return fmt.Sprintf("(%T)", v) // what is inside may have no end
}

// sentence makes one sentence of bounded length out of what a source said.
func sentence(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(strings.ToValidUTF8(s, "\uFFFD")), "\n")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s))
	if s == "" {
		return "The source failed without saying why."
	}
	first, size := utf8.DecodeRuneInString(s)
	s = clip(string(unicode.ToUpper(first))+s[size:], maxSentence)
	if !strings.HasSuffix(s, ".") && !strings.HasSuffix(s, "…") {
		s += "."
	}
	return s
}

// clip shortens s to n runes, the last of which then says so.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
