package feeds

import (
	"context"
	"time"
)

// Source is where a feed's records come from. Poll may be called concurrently for different queries and must end
// when its context does. The records it returns belong to the scheduler; the source must not change them afterwards.
type Source interface {
	Describe() Description
	Poll(ctx context.Context, q Query) (Result, error)
}

// Description tells what a source gives and what it needs.
type Description struct {
	Title     string
	Fields    []Field  // in the order of the columns
	ID        string   // field that identifies a record; also the name of its series
	Label     string   // field to show for a record; default ID
	Values    []string // numeric fields kept for charts; a series is named ID, or "ID field" where there are several
	Unit      string   // field that holds a record's unit, where it differs by record
	Time      string   // field with the time at which a record was written: RFC 3339 or Unix seconds or milliseconds
	Filters   []string // fields by which a subscription may filter with ;field=value (Whole sources)
	PerUser   bool     // records depend on unionId; otherwise all users share one poll
	Whole     bool     // Poll gives the whole table, the scheduler cuts the pages
	PerNode   bool     // measures the machine itself: feed@node
	Pushed    bool     // records come by themselves, and stay until others come: nothing is polled at intervals
	Simulated bool     // made up; said in the data and on the page
	Origin    string   // where real data is from, to name on the page

	Thresholds []Threshold // what judges the records; told by Feed.Describe, not by sources
}

// Field is one column.
type Field struct {
	Name  string `json:"name"`
	Label string `json:"label"`
	Unit  string `json:"unit,omitempty"`
	Type  string `json:"type"` // "string", "number", "integer", "bytes", "percent", "time", "duration" (seconds), "change", "bool", "state"
	// Decimals is how many digits stand after the point; nil: as many as the values need.
	Decimals *int `json:"decimals,omitempty"`
}

// Query is what one poll asks of a source. Whole sources ignore Offset and Limit.
type Query struct {
	UnionID  string // empty unless PerUser
	Offset   int
	Limit    int
	Interval time.Duration // between the starts of polls of this feed
}

// Result is what a source gave: the whole table, or Limit records from Offset and the Total.
type Result struct {
	Records []Record
	Total   int       // ignored of Whole sources
	Newest  time.Time // newest time in the whole table, where a source that is not Whole knows it
	At      time.Time // when a Pushed source got the records; zero: now
	Columns []string  // names of the fields in their order, where the source knows it and Description.Fields does not
	Note    string    // a sentence on what is wrong with the records though they can be shown
}

// Feed is a source with a name and a rhythm.
type Feed struct {
	Name      string
	Source    Source        // one that is an io.Closer is closed at the end of Scheduler.Run
	Interval  time.Duration // between starts of polls, 1 s to 1 h; default 10 s
	MinGap    time.Duration // between starts of polls that a Runner asks for, 100 ms to Interval; default 250 ms
	MaxAge    time.Duration // records older than this make the reading stale; 0: no limit
	TimeField string        // overrides Description.Time

	NeedsUnionID bool        // a subscription without one is refused, where records are each user's own
	Thresholds   []Threshold // what has a record be in which state
	AlertFor     []string    // the users whose records are judged for alerts, "" for none; empty: no alerts
}
