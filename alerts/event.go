package alerts

import (
	"context"
	"errors"
	"time"
)

// Change is what became of an alert.
type Change string

// The changes. Notifiers are told of Raised, Worse and Cleared; the room is told of all.
const (
	Raised       Change = "raised"
	Worse        Change = "worse"  // from warn to crit
	Better       Change = "better" // from crit to warn
	Acknowledged Change = "acknowledged"
	Cleared      Change = "cleared"
)

// State is how bad it is.
type State string

// The states, rising.
const (
	Warn State = "warn"
	Crit State = "crit"
)

// Reasons why an alert was cleared, other than that its value came back.
const (
	ReasonGone      = "gone"      // the record is no longer there
	ReasonUnwatched = "unwatched" // nobody judges the feed any more
)

// Alert is that a record of a feed is beyond a threshold, from when it was raised until it was cleared. A record has one
// at a time; the next one of the same record has another ID.
type Alert struct {
	ID      string    `json:"id"`                // letters, digits and dashes, 64 at most
	Feed    string    `json:"feed"`              // name of the feed
	Node    string    `json:"node,omitempty"`    // of feeds that measure the machine: which
	UnionID string    `json:"unionId,omitempty"` // of feeds whose records are each user's own: whose
	Record  string    `json:"record"`            // the ID of the record in its feed
	Label   string    `json:"label,omitempty"`   // what people call the record, where the feed says so
	Field   string    `json:"field"`             // the field whose value is beyond a bound; the worst of them
	Value   *float64  `json:"value,omitempty"`   // when this change was judged; nil: it was missing then
	Bound   float64   `json:"bound"`             // what it was measured by
	Below   bool      `json:"below,omitempty"`   // values below the bound are the bad ones
	Unit    string    `json:"unit,omitempty"`    // of Value and Bound
	State   State     `json:"state"`             // the last one, of a cleared alert too
	Since   time.Time `json:"since"`             // when the value went beyond the bound; Raised is later by the threshold's "for"
	Raised  time.Time `json:"raised"`            // when the alert was
	Cleared time.Time `json:"cleared,omitzero"`  // zero: it is still raised
	Reason  string    `json:"reason,omitempty"`  // why it was cleared; empty: its value came back
	Ack     *Ack      `json:"ack,omitempty"`     // nil: nobody has acknowledged it
}

// Ack says that somebody knows of an alert.
type Ack struct {
	By   string    `json:"by"`             // 1–64 characters
	Note string    `json:"note,omitempty"` // 500 characters at most
	At   time.Time `json:"at"`
}

// Event is one change of an alert, to be told to people. It is made once for all nodes and does not change.
type Event struct {
	ID     string    `json:"id"`     // of this change, the same from whichever node it comes and however often: the key by which repeats are dropped; letters, digits and dashes, 64 at most
	Alert  Alert     `json:"alert"`  // as it was after the change
	Change Change    `json:"change"` // what became of it
	Time   time.Time `json:"time"`   // when it did
}

// Notifier tells people of events. It makes one attempt a call: the engine tries again what failed, with the same ID, each
// notifier by itself, after 1 s and then up to 5 min, for a day; and it does so on another node when this one ends. So a notifier
// may be given an event that it has told already.
type Notifier interface {
	// Name tells it from the others, the same on all nodes and after a restart: 1–64 of A–Z a–z 0–9 . _ -
	Name() string
	// Notify tells one event and returns when it was taken. It is called by one goroutine at a time, with a context of 30 s. An
	// error that trying again does not mend is made by Permanent, one that says when to try again by Later.
	Notify(ctx context.Context, e Event) error
}

// permanent is an error that stays.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent returns err as one that trying again does not mend: the event is given up, aloud.
func Permanent(err error) error { return permanent{err} }

// IsPermanent says whether err was made by Permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}

// later is an error with the time after which to try again.
type later struct {
	error
	after time.Duration
}

func (l later) Unwrap() error { return l.error }

// Later returns err as one after which it is no use to try again sooner, such as a Retry-After; an hour at most is waited.
func Later(err error, after time.Duration) error { return later{err, after} }
