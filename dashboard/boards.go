package dashboard

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

// viewNames are the ways to show records; the first is the default.
var viewNames = []string{"table", "tiles", "chart"}

// BuiltinBoards are overview, sensors, stocks and weather.
func BuiltinBoards() []Board {
	group := func(name string) map[string]string { return map[string]string{"group": name} }
	kind := func(name string) map[string]string { return map[string]string{"kind": name} }
	return []Board{
		{Name: "overview", Title: "Overview", Panels: []Panel{
			{Name: "host", Title: "This machine", Feed: "host", View: "tiles", Size: 20, Params: group("summary"), Wide: true, Pin: true},
			{Name: "cpu", Title: "CPU by core", Feed: "host", View: "chart", Size: 100, Params: group("cpu"), Pin: true},
			{Name: "network", Title: "Network", Feed: "host", View: "chart", Size: 10, Params: group("network"), Pin: true},
			{Name: "processes", Title: "Processes", Feed: "processes", Wide: true},
			{Name: "disks", Title: "Disks", Feed: "host", Params: group("disk"), Fields: []string{"label", "percent", "detail"}, Wide: true, Pin: true},
		}},
		{Name: "sensors", Title: "Sensors", Panels: []Panel{
			{Name: "all", Title: "Sensors", Feed: "sensors", View: "tiles", Size: 20, Wide: true, Pin: true},
			{Name: "current", Title: "Current", Feed: "sensors", View: "chart", Params: kind("current"), Pin: true},
			{Name: "voltage", Title: "Voltage", Feed: "sensors", View: "chart", Params: kind("voltage"), Pin: true},
			{Name: "pm25", Title: "PM2.5", Feed: "sensors", View: "chart", Params: kind("pm2.5"), Pin: true},
			{Name: "table", Title: "Newest values", Feed: "sensors", Size: 6, Fields: []string{"id", "label", "value", "time"}, Pin: true},
		}},
		{Name: "stocks", Title: "Stocks", Panels: []Panel{
			{Name: "watchlist", Title: "Watch list", Feed: "stocks", Fields: []string{"symbol", "name", "price", "change", "volume", "time"}, Pin: true},
			{Name: "prices", Title: "Prices", Feed: "stocks", View: "chart", Pin: true},
		}},
		{Name: "weather", Title: "Weather", Panels: []Panel{
			{Name: "day", Title: "One day each interval", Feed: "weather", Wide: true, Pin: true},
			{Name: "curve", Title: "Temperatures", Feed: "weather", View: "chart", Wide: true, Pin: true},
		}},
	}
}

// boardsOf are the built-in dashboards, less the panels for which there is no feed.
func boardsOf(list []feeds.Feed) []Board {
	boards := BuiltinBoards()
	for i := range boards {
		boards[i].Panels = slices.DeleteFunc(boards[i].Panels, func(p Panel) bool {
			return !slices.ContainsFunc(list, func(f feeds.Feed) bool { return f.Name == p.Feed })
		})
	}
	return slices.DeleteFunc(boards, func(b Board) bool { return len(b.Panels) == 0 })
}

// board is a dashboard that has been checked.
type board struct {
	Board
	panels  []*panel
	perUser bool // a panel depends on who looks
}

// panel is a panel with its subscription, for nobody in particular, on page 1.
type panel struct {
	Panel
	sub     feeds.Subscription
	look    views.Look
	about   feeds.Description
	isTable bool
}

// ofAnyNode says whether the panel shows the machine of a node without saying of which.
func (p *panel) ofAnyNode() bool { return p.about.PerNode && !strings.Contains(p.Feed, "@") }

// looks are the ways in which a subscription is shown on any dashboard, by feed and parameters.
type looks map[string][]views.Look

func lookKey(sub feeds.Subscription) string { return sub.Feed + ";" + sub.Params }

// of returns the looks of sub; one that is on no dashboard is a table.
func (l looks) of(sub feeds.Subscription) []views.Look {
	if list := l[lookKey(sub)]; list != nil {
		return list
	}
	return []views.Look{{View: viewNames[0]}}
}

func (l looks) add(sub feeds.Subscription, look views.Look) {
	key := lookKey(sub)
	if !slices.ContainsFunc(l[key], func(other views.Look) bool { return other.Key() == look.Key() }) {
		l[key] = append(l[key], look)
	}
}

// layOut checks the dashboards and pins what is to be pinned.
func (d *Dashboard) layOut(boards []Board) error {
	d.looks = make(looks)
	for _, b := range boards {
		if !transport.ValidName(b.Name) {
			return fmt.Errorf("dashboard %q: allowed are names of 1–64 of A–Z a–z 0–9 . _ -", b.Name)
		}
		if d.board(b.Name) != nil {
			return fmt.Errorf("dashboard %q stands twice: names are unique", b.Name)
		}
		laid := &board{Board: b}
		laid.Title = cmp.Or(b.Title, b.Name)
		for _, p := range b.Panels {
			checked, err := d.panel(p)
			if err != nil {
				return fmt.Errorf("dashboard %q, panel %q: %w", b.Name, p.Name, err)
			}
			if laid.panel(p.Name) != nil {
				return fmt.Errorf("dashboard %q: panel %q stands twice: names are unique", b.Name, p.Name)
			}
			laid.panels = append(laid.panels, checked)
			laid.perUser = laid.perUser || checked.about.PerUser
		}
		d.boards = append(d.boards, laid)
	}
	return nil
}

func (d *Dashboard) board(name string) *board {
	for _, b := range d.boards {
		if b.Name == name {
			return b
		}
	}
	return nil
}

func (b *board) panel(name string) *panel {
	for _, p := range b.panels {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// panel checks one panel.
func (d *Dashboard) panel(p Panel) (*panel, error) {
	if !transport.ValidName(p.Name) {
		return nil, fmt.Errorf("name %q: allowed are 1–64 of A–Z a–z 0–9 . _ -", p.Name)
	}
	p.View = cmp.Or(p.View, viewNames[0])
	if !slices.Contains(viewNames, p.View) {
		return nil, fmt.Errorf("view %q: allowed are %s", p.View, strings.Join(viewNames, ", "))
	}
	text := p.Feed
	for key, value := range p.Params {
		text += ";" + key + "=" + url.QueryEscape(value)
	}
	sub, err := feeds.ParseSubscription(text)
	if err != nil {
		return nil, err
	}
	sub.Size = p.Size
	if d.abouts[sub.Feed].PerUser {
		sub.UnionID = "0" // anybody: who it is comes with each visit, and some feeds refuse nobody
	}
	if sub, err = d.scheduler.Resolve(sub); err != nil {
		return nil, err
	}
	sub.UnionID = ""
	about := d.abouts[sub.Feed]
	for _, name := range p.Fields {
		if len(about.Fields) > 0 && !slices.ContainsFunc(about.Fields, func(f feeds.Field) bool { return f.Name == name }) {
			return nil, fmt.Errorf("field %q: feed %s has %s", name, sub.Feed, fieldNames(about))
		}
	}
	if p.Pin {
		if err := d.scheduler.Pin(sub); err != nil {
			return nil, err
		}
	}
	p.Title = cmp.Or(p.Title, about.Title, p.Name)
	look := views.Look{View: p.View, Fields: p.Fields}
	d.looks.add(sub, look)
	return &panel{Panel: p, sub: sub, look: look, about: about, isTable: p.View == viewNames[0]}, nil
}

func fieldNames(about feeds.Description) string {
	names := make([]string, len(about.Fields))
	for i, f := range about.Fields {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}
