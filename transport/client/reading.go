package client

import (
	"encoding/json"
	"fmt"
	"time"
)

// Status says how far a reading can be trusted.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Stale   Status = "stale"   // an old one: see Reason
	Failed  Status = "error"   // failed, and there is no page
	Loading Status = "loading" // not polled yet
)

// Reading is what one poll gave a subscription.
type Reading struct {
	Sub      string    `json:"sub"`      // canonical
	Version  int64     `json:"version"`  // differs when the reading does
	At       time.Time `json:"at"`       // when the records were read
	Due      time.Time `json:"due"`      // when the next is expected, on the server's clock; zero for feeds that push
	SourceAt time.Time `json:"sourceAt"` // newest time in the data; zero: none is known
	Status   Status    `json:"status"`
	Reason   string    `json:"reason"` // of a stale one: failed or source-old
	Error    string    `json:"error"`  // one sentence
	Since    time.Time `json:"since"`  // since when Status is what it is
	// Circuit is "open" while the source fails so often that it is asked less often until it answers: Due says when.
	Circuit string `json:"circuit"`
	Note    string `json:"note"` // what is wrong with the page though it is shown; empty: nothing
	// Same: page and values equal those of the reading before. They are filled in from there; a client that goes on from the cursor of a
	// dashboard's page, which knows that reading, has no Page then.
	Same bool `json:"same"`
	// Page is nil where there is none. Nobody may change it: the next reading may share it.
	Page *Page `json:"page"`
	// Points are the values since the reading before, or of the last hour.
	Points map[string][]Point `json:"points"`
}

// Page is one page of a table of Total records.
type Page struct {
	Records []Record `json:"records"`
	Total   int      `json:"total"`
	Size    int      `json:"size"`
	Current int      `json:"current"` // counts from 1
	Pages   int      `json:"pages"`
}

// Record is one row by the names of the feed's fields. Numbers are float64.
type Record = map[string]any

// Point is a value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// UnmarshalJSON reads [unixMilliseconds, value].
func (p *Point) UnmarshalJSON(b []byte) error {
	var pair [2]float64
	if err := json.Unmarshal(b, &pair); err != nil {
		return fmt.Errorf("point: %w", err)
	}
	p.At, p.Value = time.UnixMilli(int64(pair[0])), pair[1]
	return nil
}

// library is the newest reading of each subscription, by which one that only says "the same" is made whole.
type library map[string]Reading

// whole returns r with page and points, and keeps it.
func (l library) whole(r Reading) Reading {
	if r.Same {
		before := l[r.Sub]
		if r.SourceAt.IsZero() {
			r.SourceAt = before.SourceAt
		}
		r.Page, r.Points = before.Page, make(map[string][]Point, len(before.Points))
		for name, points := range before.Points {
			if len(points) > 0 {
				r.Points[name] = []Point{{r.At, points[len(points)-1].Value}}
			}
		}
	}
	l[r.Sub] = r
	return r
}

// late says whether a reading is due since so long, on the server's clock.
func (l library) late(now time.Time, by time.Duration) bool {
	for _, r := range l {
		if !r.Due.IsZero() && now.Sub(r.Due) > by {
			return true
		}
	}
	return false
}
