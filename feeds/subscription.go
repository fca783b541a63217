package feeds

import "errors"

// Errors a caller can act on. They are wrapped with the value seen and what is allowed.
var (
	// ErrBadSubscription reports a subscription that no server could understand.
	ErrBadSubscription = errors.New("malformed subscription")
	// ErrUnknownFeed reports a subscription to a feed that is not configured.
	ErrUnknownFeed = errors.New("unknown feed")
	// ErrTooManyPolls reports a subscription that would need one more distinct poll than is allowed.
	ErrTooManyPolls = errors.New("too many distinct polls")
)

// Bounds of the paging parameters.
const (
	DefaultSize = 10
	MaxSize     = 500
)

// Subscription is a feed with its parameters. It is comparable: equal subscriptions are polled once.
// The zero values of Current and Size mean page 1 of 10 records.
type Subscription struct {
	Feed    string
	Node    string // of a feed that exists once a node; empty: none named
	UnionID string // canonical decimal 64-bit integer; empty: none
	Current int    // page, from 1
	Size    int    // records a page, 1–500
	Params  string // canonical "key=value;key=value", sorted by key, values query-escaped; empty: none
}
