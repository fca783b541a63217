// Package views turns readings into HTML: templ components and the formatting of values. A component takes one view
// struct and calls no service. The same components make the first page and every pushed fragment.
package views

import (
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

// Look is how a subscription is shown: the view and, for tables, the chosen fields.
type Look struct {
	View   string   // "tiles", "chart" or "table"
	Fields []string // columns of a table; empty: all of the feed
}

// FragmentView is all that a fragment shows.
type FragmentView struct {
	Look    Look
	About   feeds.Description
	Reading feeds.Reading
	History map[string][]feeds.Point
	// PageHref gives the address of another page of the records; nil in pushed fragments, whose links the script fills in.
	PageHref func(current int) string
}

// PanelView is one panel of a page.
type PanelView struct {
	Fragment FragmentView
	Name     string // unique on the dashboard
	Title    string
	Wide     bool      // spans the whole row
	Follows  bool      // shows a machine that nobody named: when its node is gone, that of another
	Now      time.Time // the server's clock, for the age; Page fills it in
	Degraded bool      // this node is alone; Page fills it in
}

// Link is an entry of the navigation.
type Link struct {
	Title, Href string
	Current     bool
	IsAlerts    bool // Raised stands beside it
	Raised      int  // alerts
}

// Frame is what every page has around its content.
type Frame struct {
	Title   string
	Nav     []Link
	Assets  func(name string) string // the address of an asset by its plain name
	Node    string
	Version string // of the program, for the footer
}

// PageView is a whole dashboard page.
type PageView struct {
	Frame
	Panels             []PanelView
	Nodes              []string      // whose machines can be shown here; empty: there is no choice
	Node               string        // which was chosen; empty: that of the answering node
	UnionID            string        // of the viewer; empty: none
	PerUser            bool          // a panel depends on UnionID
	Query              string        // of the live address, without sub and after: "presence=1&unionId=7"
	Cursor             string        // the position of what is rendered
	Now                time.Time     // the server's clock
	Refresh            time.Duration // for browsers without scripts
	Users, Connections int           // online
	Degraded           bool          // this node is alone
	Notices            NoticesView
}

// IndexView is the list of dashboards. Its page is live like theirs, without panels.
type IndexView struct {
	PageView
	Dashboards []Card
}

// Card introduces a dashboard.
type Card struct {
	Title, Href string
	Text        string   // one sentence; may be empty
	Panels      []string // the titles of its panels
	Simulated   bool     // some of its data is made up
}

// ErrorView is a refusal shown to people.
type ErrorView struct {
	Frame
	Status   int
	Degraded bool   // this node is alone
	Detail   string // what was wrong and what is allowed; Frame.Title says it in three words
}
