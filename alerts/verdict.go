package alerts

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Source is whose records were judged together.
type Source struct {
	Feed    string
	Node    string // of feeds that measure the machine; else empty
	UnionID string // of feeds whose records are each user's own; else empty
}

// key names the alert of a record in the store.
func (s Source) key(record string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{s.Feed, s.Node, s.UnionID, record}, "\x00")))
	return hex.EncodeToString(sum[:12])
}

// Verdict is what thresholds make of all records of a source at one time.
type Verdict struct {
	Source  Source
	Version int64     // rises with each verdict on the source, on whichever node; an older one changes nothing
	At      time.Time // when the records were judged
	Beyond  []Finding // those that are beyond a bound for long enough
	// Value returns the number in a field of a record, nil where there is none, and whether the record is there.
	Value func(record, field string) (value *float64, there bool)
}

// Finding is one record that is beyond a bound.
type Finding struct {
	Record string
	Label  string // what people call it; may be empty
	Field  string
	Value  *float64 // nil: it is missing at the moment
	Bound  float64
	Below  bool // values below the bound are the bad ones
	Unit   string
	State  State
	Since  time.Time // when the value went beyond the bound
}

// mostText is how many characters of a text from a record an alert keeps.
const mostText = 200

// clip shortens what is too long, and keeps what is no text away from people.
func clip(s string, most int) string {
	runes := []rune(strings.ToValidUTF8(s, "\ufffd"))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most-1]) + "…"
}

// isClipped says whether s may be no longer what it was: nothing can be found by it.
func isClipped(s string) bool {
	return strings.HasSuffix(s, "…") || strings.ContainsRune(s, '\ufffd')
}
