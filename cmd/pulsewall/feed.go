package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// feedConfig overrides a built-in feed, or adds one of a built-in kind or of a source.
type feedConfig struct {
	Name      name     `yaml:"name"`
	Kind      string   `yaml:"kind,omitempty"`
	Enabled   *bool    `yaml:"enabled,omitempty"`
	Interval  interval `yaml:"interval,omitempty"`
	MaxAge    *age     `yaml:"maxAge,omitempty"`
	TimeField string   `yaml:"timeField,omitempty"`
	Seed      *uint64  `yaml:"seed,omitempty"`
	UnionID   string   `yaml:"unionId,omitempty"` // "required" or "optional"

	MinGap     time.Duration     `yaml:"minGap,omitempty"`
	Thresholds []feeds.Threshold `yaml:"thresholds,omitempty"`
	Alerts     bool              `yaml:"alerts,omitempty"`
	AlertFor   []alertUser       `yaml:"alertFor,omitempty"`

	From    sourceConfig  `yaml:",inline"`
	Mapping feeds.Mapping `yaml:",inline"`

	source feeds.Source // that of the block; nil: of a kind
}

// seeded are the kinds that take a seed.
var seeded = map[string]func(uint64) feeds.Source{
	"sensors": func(seed uint64) feeds.Source { return feeds.NewSensors(seed) },
	"stocks":  func(seed uint64) feeds.Source { return feeds.NewStocks(seed) },
}

func (c *feedConfig) enabled() bool { return c.Enabled == nil || *c.Enabled }

// resolveFeeds completes c.Feeds, the built-in ones first, and makes the feeds that they describe.
func (c *config) resolveFeeds(f *file) {
	builtin := feeds.Builtin(string(c.Node))
	kinds := make(map[string]feeds.Feed)
	for _, b := range builtin {
		kinds[b.Name] = b
	}
	given := make(map[name]bool)
	var added []feedConfig
	overrides := make(map[string]feedConfig)
	for i, fc := range c.Feeds {
		path := fmt.Sprintf("feeds[%d]", i)
		if given[fc.Name] {
			f.fault(path+".name", "feed %q stands here a second time", fc.Name)
			continue
		}
		given[fc.Name] = true
		if fc.external() {
			if fc.checkSource(f, path, kinds) {
				fc.source = fc.open(f, path, c.environ)
				fc.checkRest(f, path, c.Interval)
				added = append(added, fc)
			}
			continue
		}
		if !fc.check(f, path, kinds) {
			continue
		}
		if _, ok := kinds[string(fc.Name)]; ok {
			overrides[string(fc.Name)] = fc
		} else {
			added = append(added, fc)
		}
	}
	c.Feeds, c.feeds = nil, nil
	for _, b := range builtin {
		fc := overrides[b.Name]
		fc.Name, fc.Kind = name(b.Name), b.Name
		c.addFeed(fc, b)
	}
	for _, fc := range added {
		if fc.external() {
			if fc.source != nil {
				c.addFeed(fc, feeds.Feed{Interval: feeds.DefaultInterval})
			}
			continue
		}
		c.addFeed(fc, kinds[fc.Kind])
	}
	c.noteBroken(given)
	if len(c.feeds) == 0 {
		f.fault("feeds", "every feed is disabled; allowed: at least one enabled")
	}
}

// noteBroken remembers which feeds were given and could not be made, so that what names them is not a mistake as well.
func (c *config) noteBroken(given map[name]bool) {
	for _, made := range c.Feeds {
		delete(given, made.Name)
	}
	for broken := range given {
		c.broken = append(c.broken, string(broken))
	}
}

// check notes what is wrong with fc and says whether its kind is known.
func (c *feedConfig) check(f *file, path string, kinds map[string]feeds.Feed) bool {
	if c.Name == "" {
		f.fault(path, "a feed without a name")
		return false
	}
	allowed := strings.Join(sortedKeys(kinds), ", ")
	kind := c.Kind
	if _, builtin := kinds[string(c.Name)]; builtin {
		if kind != "" && kind != string(c.Name) {
			f.fault(path+".kind", "%q is built in and of kind %s; another kind needs another name", c.Name, c.Name)
			return false
		}
		kind = string(c.Name)
	}
	k, ok := kinds[kind]
	switch {
	case kind == "":
		sources, _ := c.From.blocks()
		f.fault(path, "%q is not a built-in feed and needs a kind; allowed: %s; or in its place a source of its own: %s", c.Name, allowed, strings.Join(sources, ", "))
		return false
	case !ok:
		f.fault(path+".kind", "%q is unknown; allowed: %s", kind, allowed)
		return false
	}
	if c.Seed != nil && seeded[kind] == nil {
		f.fault(path+".seed", "kind %s takes no seed; allowed for: %s", kind, strings.Join(sortedKeys(seeded), ", "))
	}
	names := fieldNames(k.Source.Describe())
	if c.TimeField != "" && !slices.Contains(names, c.TimeField) {
		f.fault(path+".timeField", "kind %s has no field %q; allowed: %s", kind, c.TimeField, strings.Join(names, ", "))
	}
	if c.Mapping.IsZero() {
		c.source = k.Source
		c.checkRest(f, path, 0)
		c.source = nil
		return true
	}
	f.fault(path, "kind %s knows what its fields mean; title, id, fields and their like are for feeds with a source of their own", kind)
	return false
}

// addFeed fills in what fc leaves to base and takes the feed in.
func (c *config) addFeed(fc feedConfig, base feeds.Feed) {
	base.Name = string(fc.Name)
	if fc.source != nil {
		base.Source = fc.source
	}
	base.MinGap, base.Thresholds, base.NeedsUnionID = fc.MinGap, fc.Thresholds, fc.UnionID == unionIDRequired
	base.AlertFor = fc.alertFor()
	if every := cmp.Or(fc.Interval, c.Interval); every != 0 {
		base.Interval = time.Duration(every)
	}
	if fc.MaxAge != nil {
		base.MaxAge = time.Duration(*fc.MaxAge)
	}
	if fc.TimeField != "" {
		base.TimeField = fc.TimeField
	}
	if fc.Seed != nil {
		if source := seeded[fc.Kind]; source != nil {
			base.Source = source(*fc.Seed)
		}
	}
	fc.Interval = interval(base.Interval)
	if base.MaxAge != 0 || fc.MaxAge != nil {
		maxAge := age(base.MaxAge)
		fc.MaxAge = &maxAge
	}
	c.Feeds = append(c.Feeds, fc)
	if !fc.enabled() {
		_ = shut(fc.source) // it was opened to be checked, and would count where feeds share connections
		return
	}
	c.feeds = append(c.feeds, base)
}

func fieldNames(about feeds.Description) []string {
	var out []string
	for _, field := range about.Fields {
		out = append(out, field.Name)
	}
	return out
}
