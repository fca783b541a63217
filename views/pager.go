package views

import (
	"slices"
	"strconv"

	"github.com/pulsewall/pulsewall/feeds"
)

// pager is the foot of a table: which records these are, and the way to the others.
type pager struct {
	Range string
	Links []pageLink // none when there is one page only
}

// pageLink is one number of a pager; 0 is a gap.
type pageLink struct {
	Page    int
	Text    string
	Title   string
	Rel     string // "prev" or "next" of the arrows
	Current bool
	Off     bool // an arrow that leads nowhere
}

// pager is that of the page of records.
func (f FragmentView) pager() pager {
	p := f.Reading.Page
	if p == nil || len(p.Records) == 0 {
		return pager{}
	}
	first := (p.Current-1)*p.Size + 1
	out := pager{Range: fill(text.Range, "from", number(float64(first), 0),
		"to", number(float64(first+len(p.Records)-1), 0), "total", number(float64(p.Total), 0))}
	if p.Pages < 2 {
		return out
	}
	out.Links = append(out.Links, arrow(p, -1))
	last := 0
	for _, n := range shown(p) {
		if n > last+1 {
			out.Links = append(out.Links, pageLink{Text: "…"})
		}
		s := strconv.Itoa(n)
		out.Links = append(out.Links, pageLink{Page: n, Text: s, Title: fill(text.PageOf, "page", s), Current: n == p.Current})
		last = n
	}
	out.Links = append(out.Links, arrow(p, 1))
	return out
}

// shown are the pages that a pager names: the first, the last, and those beside the current one; at either end there
// is room for one more.
func shown(p *feeds.Page) []int {
	pages := []int{1, p.Current - 1, p.Current, p.Current + 1, p.Pages}
	if p.Current <= 2 {
		pages = append(pages, 3)
	}
	if p.Current >= p.Pages-1 {
		pages = append(pages, p.Pages-2)
	}
	pages = slices.DeleteFunc(pages, func(n int) bool { return n < 1 || n > p.Pages })
	slices.Sort(pages)
	return slices.Compact(pages)
}

func arrow(p *feeds.Page, by int) pageLink {
	l := pageLink{Page: p.Current + by, Text: "‹", Title: text.Previous, Rel: "prev"}
	if by > 0 {
		l.Text, l.Title, l.Rel = "›", text.Next, "next"
	}
	l.Off = l.Page < 1 || l.Page > p.Pages
	return l
}

// href is the address of a page of records; empty in pushed fragments, where the script knows it.
func (f FragmentView) href(page int) string {
	if f.PageHref == nil || page < 1 {
		return ""
	}
	return f.PageHref(page)
}
