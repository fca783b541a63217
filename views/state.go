package views

import (
	"cmp"
	"strconv"

	"github.com/pulsewall/pulsewall/feeds"
)

// blank is what stands in a panel that has no records to show: why, and what to do.
type blank struct {
	Class string // "loading", "error", "empty"; "" when there are records
	Title string
	Lines []Freshness // sentences that may hold a time
	// Page is where there are records instead; 0: nowhere.
	Page int
}

// blank says why there are no records.
func (f FragmentView) blank() blank {
	r := f.Reading
	switch page := r.Page; {
	case r.Status == feeds.Failed || page == nil && r.Status == feeds.Stale:
		return failing(r)
	case page == nil:
		return blank{Class: "loading", Title: text.LoadingTitle, Lines: []Freshness{{Before: cmp.Or(r.Error, text.LoadingText)}}}
	case len(page.Records) > 0:
		return blank{}
	case page.Total > 0:
		return blank{
			Class: "empty",
			Title: fill(text.PastTitle, "page", strconv.Itoa(page.Current)),
			Lines: []Freshness{{Before: fill(text.PastText, "pages", strconv.Itoa(page.Pages))}},
			Page:  max(page.Pages, 1),
		}
	}
	b := blank{Class: "empty", Title: text.EmptyTitle, Lines: []Freshness{{Before: text.EmptyText}}}
	if f.About.PerUser && r.Sub.UnionID == "" {
		b.Lines[0].Before = text.EmptyUser
	}
	return b
}

func failing(r feeds.Reading) blank {
	b := blank{Class: "error", Title: text.ErrorTitle}
	if r.Error != "" {
		b.Lines = append(b.Lines, Freshness{Before: r.Error})
	}
	if !r.Since.IsZero() {
		b.Lines = append(b.Lines, around("", text.ErrorSince, r.Since))
	}
	if !r.Due.IsZero() {
		next := text.ErrorNext
		if r.Circuit == feeds.CircuitOpen {
			next = text.ErrorPause
		}
		b.Lines = append(b.Lines, around("", next, r.Due))
	}
	return b
}
