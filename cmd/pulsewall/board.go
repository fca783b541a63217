package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// boardConfig is one dashboard.
type boardConfig struct {
	Name   name          `yaml:"name"`
	Title  string        `yaml:"title"`
	Panels []panelConfig `yaml:"panels"`
}

// panelConfig shows one subscription on a dashboard.
type panelConfig struct {
	Name   name              `yaml:"name"`
	Title  string            `yaml:"title"`
	Feed   string            `yaml:"feed"`
	View   string            `yaml:"view"`
	Size   int               `yaml:"size"`
	Params map[string]string `yaml:"params,omitempty"`
	Fields []string          `yaml:"fields,omitempty"`
	Wide   bool              `yaml:"wide,omitempty"`
	Pin    bool              `yaml:"pin,omitempty"`
}

// views are the ways to show a panel.
var views = []string{"table", "tiles", "chart"}

// resolveBoards completes c.Dashboards, or takes the built-in ones as far as their feeds are enabled, and makes the
// boards that they describe. The feeds are resolved before.
func (c *config) resolveBoards(f *file) {
	known := make(map[string]feeds.Feed)
	for _, broken := range c.broken {
		known[broken] = feeds.Feed{Name: broken}
	}
	for _, feed := range c.feeds {
		known[feed.Name] = feed
	}
	if c.Dashboards == nil {
		c.builtinBoards(known)
		if len(c.boards) == 0 && len(known) > 0 {
			f.fault("feeds", "no feed of the built-in dashboards is enabled; give dashboards, or enable one")
		}
		return
	}
	if len(c.Dashboards) == 0 {
		f.fault("dashboards", "an empty list; allowed: at least one dashboard, or leave the key out for the built-in ones")
	}
	given := make(map[name]bool)
	for i := range c.Dashboards {
		b, path := &c.Dashboards[i], fmt.Sprintf("dashboards[%d]", i)
		switch {
		case b.Name == "":
			f.fault(path, "a dashboard without a name")
		case given[b.Name]:
			f.fault(path+".name", "dashboard %q stands here a second time", b.Name)
		}
		given[b.Name] = true
		b.complete(f, path, known)
		c.boards = append(c.boards, b.board())
	}
}

func (c *config) builtinBoards(known map[string]feeds.Feed) {
	for _, b := range dashboard.BuiltinBoards() {
		b.Panels = slices.DeleteFunc(slices.Clone(b.Panels), func(p dashboard.Panel) bool {
			feed, _, _ := strings.Cut(p.Feed, "@")
			_, ok := known[feed]
			return !ok
		})
		if len(b.Panels) == 0 {
			continue
		}
		c.boards = append(c.boards, b)
		bc := boardConfig{Name: name(b.Name), Title: b.Title}
		for _, p := range b.Panels {
			bc.Panels = append(bc.Panels, panelConfig{
				Name: name(p.Name), Title: p.Title, Feed: p.Feed, View: cmp.Or(p.View, views[0]), Size: cmp.Or(p.Size, feeds.DefaultSize),
				Params: p.Params, Fields: p.Fields, Wide: p.Wide, Pin: p.Pin,
			})
		}
		c.Dashboards = append(c.Dashboards, bc)
	}
}

// complete fills in what is left out and notes what is wrong.
func (b *boardConfig) complete(f *file, path string, known map[string]feeds.Feed) {
	b.Title = cmp.Or(b.Title, string(b.Name))
	if len(b.Panels) == 0 {
		f.fault(path+".panels", "dashboard %q has no panels; allowed: at least one", b.Name)
	}
	given := make(map[name]bool)
	for i := range b.Panels {
		p, at := &b.Panels[i], fmt.Sprintf("%s.panels[%d]", path, i)
		feed, _, _ := strings.Cut(p.Feed, "@")
		p.Name = cmp.Or(p.Name, name(feed))
		if given[p.Name] && p.Name != "" {
			f.fault(at+".name", "panel %q stands on this dashboard a second time; give it a name of its own", p.Name)
		}
		given[p.Name] = true
		p.complete(f, at, known)
	}
}

func (p *panelConfig) complete(f *file, path string, known map[string]feeds.Feed) {
	p.View = cmp.Or(p.View, views[0])
	p.Size = cmp.Or(p.Size, feeds.DefaultSize)
	if !slices.Contains(views, p.View) {
		f.fault(path+".view", "%q is unknown; allowed: %s", p.View, strings.Join(views, ", "))
	}
	if p.Size > feeds.MaxSize {
		f.fault(path+".size", "%d is too many; allowed: 1 to %d", p.Size, feeds.MaxSize)
	}
	feedName, node, onNode := strings.Cut(p.Feed, "@")
	feed, ok := known[feedName]
	switch {
	case p.Feed == "":
		f.fault(path, "a panel without a feed; allowed: %s", strings.Join(sortedKeys(known), ", "))
		return
	case !ok:
		f.fault(path+".feed", "%q is unknown or disabled; allowed: %s", feedName, strings.Join(sortedKeys(known), ", "))
		return
	}
	if feed.Source == nil {
		return // its own mistakes are told
	}
	about := feed.Describe()
	p.Title = cmp.Or(p.Title, about.Title)
	if onNode && (!about.PerNode || !namePattern.MatchString(node)) {
		f.fault(path+".feed", "%q: only a feed of the machine itself takes @ and the name of a node", p.Feed)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Params)) {
		if !slices.Contains(about.Filters, key) {
			f.fault(path+".params."+key, "feed %s has no such parameter; allowed: %s", feedName, orNone(about.Filters))
		}
	}
	names := fieldNames(about)
	for i, field := range p.Fields {
		if len(names) > 0 && !slices.Contains(names, field) {
			f.fault(fmt.Sprintf("%s.fields[%d]", path, i), "feed %s has no field %q; allowed: %s", feedName, field, orNone(names))
		}
	}
}

func (b *boardConfig) board() dashboard.Board {
	out := dashboard.Board{Name: string(b.Name), Title: b.Title}
	for _, p := range b.Panels {
		out.Panels = append(out.Panels, dashboard.Panel{
			Name: string(p.Name), Title: p.Title, Feed: p.Feed, View: p.View, Size: p.Size,
			Params: p.Params, Fields: p.Fields, Wide: p.Wide, Pin: p.Pin,
		})
	}
	return out
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
