package views

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// none stands where there is no value.
const none = "–"

// toNumber reads a numeric value of a record. Not a number and infinities are no values.
func toNumber(v any) (float64, bool) {
	var f float64
	switch n := v.(type) {
	case float64:
		f = n
	case float32:
		f = float64(n)
	case int:
		f = float64(n)
	case int32:
		f = float64(n)
	case int64:
		f = float64(n)
	case uint32:
		f = float64(n)
	case uint64:
		f = float64(n)
	case json.Number:
		parsed, err := n.Float64()
		if err != nil {
			return 0, false
		}
		f = parsed
	default:
		return 0, false
	}
	return f, !math.IsNaN(f) && !math.IsInf(f, 0)
}

// decimals chooses how many decimals numbers that stand together get: those that the source rounded them to, where
// that is at most two, else as many as give the largest three significant digits.
func decimals(numbers ...float64) int {
	largest, written := 0.0, 0
	for _, f := range numbers {
		largest = max(largest, math.Abs(f))
		s := strconv.FormatFloat(f, 'f', -1, 64)
		if _, frac, ok := strings.Cut(s, "."); ok {
			written = max(written, len(frac))
		}
	}
	switch {
	case written <= 2 && largest < 1e5:
		return written
	case largest >= 100:
		return 0
	case largest >= 10:
		return 1
	case largest >= 0.1 || largest == 0:
		return 2
	}
	return min(1-int(math.Floor(math.Log10(largest))), 9)
}

// number shows f with so many decimals and thousands separators.
func number(f float64, places int) string {
	if f == 0 {
		f = 0 // no minus before a zero
	}
	s := strconv.FormatFloat(f, 'f', places, 64)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	whole, frac, ok := strings.Cut(s, ".")
	if len(whole) > 15 {
		return sign + strconv.FormatFloat(math.Abs(f), 'e', 3, 64)
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if ok {
		whole += "." + frac
	}
	return sign + whole
}

// byteSize shows n bytes as people count memory.
func byteSize(n float64) (value, unit string) {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for math.Abs(n) >= 1000 && i < len(units)-1 {
		n /= 1024
		i++
	}
	places := 0
	if i > 0 && math.Abs(n) < 100 {
		places = 1
	}
	return number(n, places), units[i]
}

// toTime reads a time of a record: RFC 3339, a date, or Unix seconds or milliseconds. dateOnly says that it has no
// time of day.
func toTime(v any) (t time.Time, dateOnly, ok bool) {
	switch x := v.(type) {
	case time.Time:
		return x, false, !x.IsZero()
	case string:
		if t, err := time.Parse(time.RFC3339, x); err == nil {
			return t, false, true
		}
		t, err := time.Parse(time.DateOnly, x)
		return t, true, err == nil
	}
	f, ok := toNumber(v)
	switch {
	case !ok || f <= 0 || f > 253402300799e3: // the year 9999
		return time.Time{}, false, false
	case f > 1e11:
		return time.UnixMilli(int64(f)), false, true
	}
	return time.Unix(int64(f), 0), false, true
}
