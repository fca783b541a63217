package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/feeds"
)

// feedTest is what "feed test" asks for.
type feedTest struct {
	Name    string `arg:"" help:"Feed to poll."`
	UnionID string `help:"Whose records, of a feed that is per user." placeholder:"ID"`
	Size    int    `help:"Records a page, 1 to 500 (default 10)." placeholder:"N"`
	Current int    `help:"Which page (default 1)." placeholder:"N"`
}

// comeUp is how long a source that only hears may take to hear something.
const comeUp = 10 * time.Second

// testFeed polls a feed once, as the server does, and prints its page.
func testFeed(ctx context.Context, cfg config, ask feedTest, w io.Writer) error {
	i := slices.IndexFunc(cfg.feeds, func(f feeds.Feed) bool { return f.Name == ask.Name })
	if i < 0 {
		var names []string
		for _, f := range cfg.feeds {
			names = append(names, f.Name)
		}
		return usageError{fmt.Errorf("there is no feed %q, or it is disabled; there are: %s", ask.Name, strings.Join(names, ", "))}
	}
	f := cfg.feeds[i]
	if f.Describe().Pushed {
		return fmt.Errorf("feed %s: nothing is polled, programs push to it; serve it, and POST records to /api/feeds/%s", f.Name, f.Name)
	}
	arrived := make(latest, 1)
	sched, err := feeds.NewScheduler([]feeds.Feed{f}, arrived, feeds.Options{Node: string(cfg.Node), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return usageError{err}
	}
	sub, err := sched.Resolve(feeds.Subscription{Feed: f.Name, UnionID: ask.UnionID, Size: ask.Size, Current: ask.Current})
	if err != nil {
		return usageError{err}
	}
	r, err := pollOnce(ctx, sched, sub, f, arrived)
	if err != nil {
		return err
	}
	if r.Page == nil {
		return fmt.Errorf("feed %s: %s\n  %s", f.Name, r.Error, advice(r, f))
	}
	if f.Describe().PerUser && sub.UnionID == "" && len(r.Page.Records) == 0 {
		if _, err := fmt.Fprintln(w, "Each user has records of their own: name one with --union-id."); err != nil {
			return err
		}
	}
	return printReading(w, r, f.Describe())
}

// latest is a Sink that keeps the newest reading.
type latest chan feeds.Reading

// Put replaces what nobody has taken.
func (l latest) Put(r feeds.Reading) {
	select {
	case <-l:
	default:
	}
	l <- r // has room: there is one writer
}

// Drop has nothing to forget.
func (l latest) Drop(feeds.Subscription) {}

// hears says whether a source has what it is told, which comes after it has subscribed.
func hears(s feeds.Source) bool {
	for {
		if _, ok := s.(*feeds.MQTT); ok {
			return true
		}
		wrapped, ok := s.(interface{ Unwrap() feeds.Source })
		if !ok {
			return false
		}
		s = wrapped.Unwrap()
	}
}

// pollOnce runs sched until there is a page, or it is clear that none comes. A page of what hears is waited for until there is
// something on it.
func pollOnce(ctx context.Context, sched *feeds.Scheduler, sub feeds.Subscription, f feeds.Feed, arrived latest) (feeds.Reading, error) {
	waits := hears(f.Source)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	ended := make(chan error, 1)
	running.Go(func() { ended <- sched.Run(ctx) })
	release, err := sched.Watch(sub)
	if err != nil {
		return feeds.Reading{}, err
	}
	defer release()
	patience := time.After(comeUp)
	var last feeds.Reading
	for {
		select {
		case last = <-arrived:
			if last.Status == feeds.Failed || last.Page != nil && !(waits && len(last.Page.Records) == 0) {
				return last, nil
			}
		case <-patience:
			if waits = false; last.Page != nil {
				return last, nil
			}
		case err := <-ended:
			return last, errors.Join(err, ctx.Err())
		}
	}
}

// advice is what to do about a reading without a page.
func advice(r feeds.Reading, f feeds.Feed) string {
	if r.Took >= f.Interval/5*4 || strings.Contains(r.Error, "did not answer within") {
		return fmt.Sprintf("A poll has 80 %% of the interval of %s: see whether the source can be reached from here, ask it for less, or give the feed a longer interval.", shortDuration(f.Interval))
	}
	return "See the settings of this feed in the configuration, and what docs/feeds.md says of its kind. When served, the feed goes on trying."
}

func printReading(w io.Writer, r feeds.Reading, about feeds.Description) error {
	p := r.Page
	status := string(r.Status)
	if r.Reason != "" {
		status += " (" + r.Reason + ")"
	}
	if _, err := fmt.Fprintf(w, "%s: page %d of %d, %d of %d records, %s, %s\n", r.Sub, p.Current, p.Pages, len(p.Records), p.Total,
		r.Took.Round(100*time.Microsecond), status); err != nil {
		return err
	}
	if r.Note != "" {
		if _, err := fmt.Fprintln(w, "  "+strings.Map(visible, r.Note)); err != nil {
			return err
		}
	}
	columns := columnsOf(r, about)
	if len(columns) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var heads []string
	for _, c := range columns {
		heads = append(heads, printable(cmp.Or(c.Name, "-")))
	}
	fmt.Fprintln(table, strings.Join(heads, "\t"))
	for _, rec := range p.Records {
		var cells []string
		for _, c := range columns {
			cells = append(cells, printable(cellText(rec[c.Name], c.Decimals)))
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	return table.Flush()
}

// columnsOf are the fields of the feed, or what the records have: in the order of the source where it has one, else their ID first.
func columnsOf(r feeds.Reading, about feeds.Description) []feeds.Field {
	if len(about.Fields) > 0 {
		return about.Fields
	}
	names := make(map[string]bool)
	for _, rec := range r.Page.Records {
		for name := range rec {
			names[name] = name != about.ID
		}
	}
	var out []feeds.Field
	for _, name := range r.Columns {
		out = append(out, feeds.Field{Name: name})
		delete(names, name)
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if names[name] {
			out = append(out, feeds.Field{Name: name})
		}
	}
	if _, ok := names[about.ID]; ok {
		out = slices.Insert(out, 0, feeds.Field{Name: about.ID})
	}
	return out
}

func cellText(v any, decimals *int) string {
	switch v := v.(type) {
	case nil:
		return "–"
	case string:
		return v
	case float64:
		if decimals != nil {
			return strconv.FormatFloat(v, 'f', *decimals, 64)
		}
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

const widestCell = 48

// visible makes a space of what would move the cursor of a terminal.
func visible(r rune) rune {
	if unicode.IsControl(r) || !unicode.IsGraphic(r) {
		return ' '
	}
	return r
}

// printable keeps a source from moving the cursor of a terminal, and a cell to one short line.
func printable(s string) string {
	s = strings.Map(visible, s)
	if utf8.RuneCountInString(s) > widestCell {
		s = string([]rune(s)[:widestCell-1]) + "…"
	}
	return s
}
