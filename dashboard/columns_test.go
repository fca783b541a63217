package dashboard_test

import (
	"context"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// unlisted is a feed that says no fields, as one of a database.
type unlisted struct{ records []feeds.Record }

func (unlisted) Describe() feeds.Description {
	return feeds.Description{Title: "Unlisted", Whole: true}
}

func (u unlisted) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	return feeds.Result{Records: u.records}, nil
}

// TestColumnsOfAFeedThatListsNone shows those that the panel names, in its order, also where no record has them.
func TestColumnsOfAFeedThatListsNone(t *testing.T) {
	opts := options(unlisted{[]feeds.Record{{"alpha": "one", "beta": "two", "gamma": "three"}}})
	opts.Boards = []dashboard.Board{{Name: "main", Panels: []dashboard.Panel{{Name: "table", Feed: "rows", Fields: []string{"gamma", "absent", "alpha"}}}}}
	page := newWall(t, opts, false).get("/d/main").body
	last := -1
	for _, column := range []string{">gamma ", ">absent ", ">alpha "} {
		at := strings.Index(page, column)
		if at <= last {
			t.Errorf("the page has %s at %d; want it after %d", column, at, last)
		}
		last = at
	}
	if strings.Contains(page, ">beta ") {
		t.Error("the page has a column beta, which the panel does not name")
	}
}

// TestPanelOfAFeedThatNeedsAUser stands on a dashboard, which has to be opened as somebody.
func TestPanelOfAFeedThatNeedsAUser(t *testing.T) {
	opts := options(&counting{perUser: true, text: "!"})
	opts.Feeds[0].NeedsUnionID = true
	w := newWall(t, opts, false)
	if page := w.get("/d/main?unionId=7"); page.StatusCode != 200 || !strings.Contains(page.body, "row 0!") {
		t.Errorf("the dashboard of user 7: %d, with records: %v; want 200 and those of the feed", page.StatusCode, strings.Contains(page.body, "row 0!"))
	}
	w.get("/d/main").wantProblem(t, "the dashboard of nobody", 400, "without a unionId")
}
