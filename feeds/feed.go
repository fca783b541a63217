package feeds

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of a feed's interval.
const (
	DefaultInterval = 10 * time.Second
	MinInterval     = time.Second
	MaxInterval     = time.Hour
)

// feed is a Feed as the scheduler keeps it.
type feed struct {
	Feed
	desc Description

	polls    map[pollKey]*poll // distinct polls; guarded by the scheduler's mu, like all below
	down     error             // why the source does not run; nil: it does, or need not
	running  int               // polls whose time is not over
	waiting  queue             // due, but the feed polls as much as it may
	placed   time.Time         // when the poll is due that got its place in the interval last
	failing  int               // polls whose last attempt failed
	fell     bool              // the source ended by itself, which was logged
	panicked bool              // the stack was logged
	idle     idle[*poll]
}

// timeout is how long one poll may take.
func (f *feed) timeout() time.Duration { return f.Interval / 5 * 4 }

// key returns the poll on which a resolved subscription hangs.
func (f *feed) key(sub Subscription) pollKey {
	if f.desc.Whole {
		return pollKey{Feed: sub.Feed, Node: sub.Node, UnionID: sub.UnionID}
	}
	return pollKey(sub)
}

// checkFeeds fills in the defaults and refuses what cannot work.
func checkFeeds(list []Feed, opts Options) (map[string]*feed, error) {
	if opts.Node != "" && !validName(opts.Node) {
		return nil, fmt.Errorf("node %s: 1–64 of A–Z a–z 0–9 . _ - are allowed", quote(opts.Node))
	}
	if opts.Node == "" && opts.Peers != nil {
		return nil, fmt.Errorf("no node named: its peers have to know it by a name")
	}
	if opts.Interval != 0 && !validInterval(opts.Interval) {
		return nil, fmt.Errorf("interval %s: 1s to 1h is allowed", opts.Interval)
	}
	byName := make(map[string]*feed, len(list))
	for _, f := range list {
		if byName[f.Name] != nil {
			return nil, fmt.Errorf("feed %s: the name is there twice", quote(f.Name))
		}
		if opts.Interval != 0 {
			f.Interval = opts.Interval
		}
		checked, err := f.check()
		if err != nil {
			return nil, fmt.Errorf("feed %s: %w", quote(f.Name), err)
		}
		byName[f.Name] = checked
	}
	return byName, nil
}

func validInterval(d time.Duration) bool { return MinInterval <= d && d <= MaxInterval }

func (f Feed) check() (*feed, error) {
	if !validName(f.Name) {
		return nil, fmt.Errorf("wrong name: 1–64 of A–Z a–z 0–9 . _ - are allowed")
	}
	if f.Source == nil {
		return nil, fmt.Errorf("no source")
	}
	f.Interval = cmp.Or(f.Interval, DefaultInterval)
	if !validInterval(f.Interval) {
		return nil, fmt.Errorf("interval %s: 1s to 1h is allowed", f.Interval)
	}
	if f.MinGap = cmp.Or(f.MinGap, min(DefaultMinGap, f.Interval)); f.MinGap < ShortestMinGap || f.MinGap > f.Interval {
		return nil, fmt.Errorf("minGap %s: 100ms to the interval of %s is allowed", f.MinGap, f.Interval)
	}
	if f.MaxAge < 0 {
		return nil, fmt.Errorf("maxAge %s: 0 (no limit) or more is allowed", f.MaxAge)
	}
	desc := f.Describe()
	if err := f.checkThresholds(); err != nil {
		return nil, err
	}
	if err := f.checkAlerts(desc); err != nil {
		return nil, err
	}
	f.TimeField = cmp.Or(f.TimeField, desc.Time)
	if f.MaxAge > 0 && f.TimeField == "" && !desc.Pushed {
		return nil, fmt.Errorf("maxAge %s needs a time field, and the source has none", f.MaxAge)
	}
	if f.TimeField != "" && !desc.has(f.TimeField) {
		return nil, fmt.Errorf("time field %s: one of %s is allowed", quote(f.TimeField), desc.fieldNames())
	}
	if len(desc.Values) > 0 && desc.ID == "" {
		return nil, fmt.Errorf("source: Values need an ID to name their series")
	}
	if len(desc.Filters) > 0 && !desc.Whole {
		return nil, fmt.Errorf("source: Filters need the Whole table")
	}
	if desc.Pushed && (!desc.Whole || desc.PerNode) {
		return nil, fmt.Errorf("source: what is Pushed is Whole, and not PerNode")
	}
	return &feed{Feed: f, desc: desc, polls: make(map[pollKey]*poll)}, nil
}

func (f Feed) checkThresholds() error {
	desc := f.Source.Describe()
	if len(f.Thresholds) > 0 && slices.ContainsFunc(desc.Fields, isState) {
		return fmt.Errorf("thresholds: the source has a field %s already", StateField)
	}
	for i, t := range f.Thresholds {
		if err := t.Check(desc); err != nil {
			return fmt.Errorf("thresholds[%d].%w", i, err)
		}
	}
	return nil
}

// has says whether the source has a field of that name. A source that lists no fields may have any.
func (d *Description) has(name string) bool {
	return len(d.Fields) == 0 || slices.ContainsFunc(d.Fields, func(f Field) bool { return f.Name == name })
}

func (d *Description) fieldNames() string {
	var names []string
	for _, f := range d.Fields {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// Feeds returns the feeds, sorted by name, defaults filled in.
func (s *Scheduler) Feeds() []Feed {
	out := make([]Feed, 0, len(s.feeds))
	for _, f := range s.feeds {
		out = append(out, f.Feed)
	}
	slices.SortFunc(out, func(a, b Feed) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Interval returns the interval of a resolved subscription.
func (s *Scheduler) Interval(sub Subscription) time.Duration {
	if f := s.feeds[sub.Feed]; f != nil {
		return f.Interval
	}
	return DefaultInterval
}

// SourceOld says whether the data of a reading that was good has become older than its feed's MaxAge since.
func (s *Scheduler) SourceOld(r Reading) bool {
	f := s.feeds[r.Sub.Feed]
	if f == nil || f.MaxAge == 0 || r.SourceAt.IsZero() {
		return false
	}
	return r.aged+time.Since(r.At) > f.MaxAge
}

// Resolve checks sub against its feed and returns the canonical one: unionId dropped where records are shared by all
// users, this node named where the feed measures the machine and no other is, defaults filled in. Errors: ErrUnknownFeed, ErrBadSubscription.
func (s *Scheduler) Resolve(sub Subscription) (Subscription, error) {
	sub, err := sub.canonical()
	if err != nil {
		return Subscription{}, err
	}
	f := s.feeds[sub.Feed]
	if f == nil {
		return Subscription{}, fmt.Errorf("%w: %s; %s are there", ErrUnknownFeed, quote(sub.Feed), s.feedNames())
	}
	switch {
	case !f.desc.PerNode && sub.Node != "":
		return Subscription{}, bad("node %s of feed %s; it is the same on every node, so none is allowed", quote(sub.Node), sub.Feed)
	case f.desc.PerNode && sub.Node == "":
		sub.Node = s.opts.Node
	case sub.Node != s.opts.Node && f.desc.PerNode && s.opts.Peers == nil: // with others it may come at any time
		return Subscription{}, fmt.Errorf("%w: %s of node %s; this is node %s", ErrUnknownFeed, sub.Feed, quote(sub.Node), quote(s.opts.Node))
	}
	if !f.desc.PerUser {
		sub.UnionID = ""
	} else if f.NeedsUnionID && sub.UnionID == "" {
		return Subscription{}, bad("feed %s without a unionId; its records are each user's own, so a 64-bit integer is needed, as in %s/7", sub.Feed, sub.Feed)
	}
	for key := range eachParam(sub.Params) {
		if !slices.Contains(f.desc.Filters, key) {
			allowed := cmp.Or(strings.Join(f.desc.Filters, ", "), "none")
			return Subscription{}, bad("parameter %s of feed %s; allowed: %s", quote(key), sub.Feed, allowed)
		}
	}
	return sub, nil
}

func (s *Scheduler) feedNames() string {
	var names []string
	for _, f := range s.Feeds() {
		names = append(names, f.Name)
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}
