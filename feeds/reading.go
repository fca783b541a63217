package feeds

import "time"

// Status says how far a reading can be trusted.
type Status string

// The statuses, as PROTOCOL.md names them.
const (
	OK      Status = "ok"
	Stale   Status = "stale"   // the page is an old one: see Reason
	Failed  Status = "error"   // failed, and there is no page
	Loading Status = "loading" // not polled yet
)

// The reasons of a Stale reading.
const (
	ReasonFailed    = "failed"     // the last poll failed; the page is the last good one
	ReasonSourceOld = "source-old" // the source's own data is older than the feed's MaxAge
)

// Record is one row. Its keys are the names of the feed's fields. In a reading its values are nil, bool, string, any
// integer type, float64, []any and map[string]any; times are RFC 3339 strings in UTC. Nobody may change it.
type Record map[string]any

// Page is one page of a table of Total records. Past the end it has no records and true totals.
type Page struct {
	Records []Record `json:"records"`
	Total   int      `json:"total"`
	Size    int      `json:"size"`
	Current int      `json:"current"`
	Pages   int      `json:"pages"`
}

// Point is a numeric value at a time.
type Point struct {
	At    time.Time
	Value float64
}

// Reading is what one poll gave one subscription: a page of records, or a failure. It is immutable.
type Reading struct {
	Sub      Subscription
	Version  int64         // Unix microseconds, rising: differs when the reading does; on all nodes the same for the same table
	Before   int64         // the version just before this one; 0: none
	Seen     time.Time     // when this node had it first, on its own clock; counts for how long it may be served
	At       time.Time     // when the records were read: the end of the poll; zero without a page
	Due      time.Time     // when the next reading is expected; zero for sources that push, and for a node that is gone
	Gap      time.Duration // from the start of its poll to that of the next one: the interval, more where Circuit is open
	Took     time.Duration
	SourceAt time.Time     // newest time in the data, where known
	aged     time.Duration // how old that was At, on the clock of the node that read it
	Status   Status
	Reason   string             // of a Stale reading
	Circuit  Circuit            // CircuitOpen: the source is asked less often until it answers; Due says when
	Error    string             // one sentence; empty unless the last poll failed, or nothing was pushed yet
	Note     string             // what is wrong with the page though it is shown, such as values that are no numbers; empty: nothing
	Columns  []string           // of the page, in the order of a source that has one and lists no fields
	Since    time.Time          // since when Status is what it is, unless OK; of source-old: when the data became too old
	Page     *Page              // nil when Failed or Loading
	Values   map[string]float64 // numeric values by series name; empty unless just read
	Same     bool               // page, values, status, reason and error equal those of version Before
	SameAge  bool               // SourceAt too
}
