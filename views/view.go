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
	Fragment     FragmentView
	Name         string // unique on the dashboard
	Title        string
	Wide         bool // spans the whole row
	Interval     time.Duration
	HrefTemplate string // with {page} where the page number goes
}

// Link is an entry of the navigation.
type Link struct {
	Title, Href string
	Current     bool
}

// PageView is a whole dashboard page.
type PageView struct {
	Title              string
	Nav                []Link
	Panels             []PanelView
	UnionID            string        // of the viewer; empty: none
	PerUser            bool          // a panel depends on UnionID
	Query              string        // of the live address, without sub and after: "presence=1&unionId=7"
	Cursor             string        // the position of what is rendered
	Now                time.Time     // the server's clock
	Refresh            time.Duration // for browsers without scripts
	Users, Connections int           // online
	Node               string
	Degraded           bool // this node is alone
}
