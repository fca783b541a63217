//go:build unix

package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/pulsewall/pulsewall/assets/browsertest"
)

// watchGlass is what pages run to tell when their readings were painted.
//
//go:embed glass.js
var watchGlass string

// glassCommand tells how old data is on the screen of a real browser: from when the source was read until the frame is painted.
type glassCommand struct {
	Pages    []string      `help:"Dashboards to watch, each in a tab of its own." default:"overview,sensors,stocks"`
	Interval time.Duration `help:"Of the feeds." default:"10s"`
	Readings int           `help:"How many readings are watched of each, one dashboard after the other." default:"60"`
	Binary   string        `help:"The pulsewall to measure; none: one built from the source." placeholder:"FILE"`
}

func (c glassCommand) check() error {
	return within(
		bound{"interval (seconds)", int(c.Interval / time.Second), 1, 3600},
		bound{"readings", c.Readings, 2, 100_000},
	)
}

// Run starts a node and a browser, watches, and prints the table.
func (c glassCommand) Run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	w, err := openWorkshop(ctx, c.Binary)
	if err != nil {
		return err
	}
	defer w.close(&err)
	n, err := startNode(w.binary, "--interval", c.Interval.String(), "--log-level", "warn")
	if err != nil {
		return err
	}
	defer n.stop()
	if err := n.joined(ctx, 1); err != nil {
		return err
	}
	browser, end, err := browsertest.Start()
	if err != nil {
		return err
	}
	defer end()
	fmt.Fprintf(stdout, "| page, interval %v | readings | came after, p50 | p99 | painted after, p50 | p99 | age beyond the interval, p50 | p99 | longest |\n"+
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n", c.Interval)
	for _, name := range c.Pages {
		fmt.Fprintln(stderr, name)
		list, err := c.watch(ctx, browser, "http://"+n.addr+"/d/"+name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		row, err := c.row(name, list)
		if err != nil {
			return err
		}
		fmt.Fprint(stdout, row)
	}
	return nil
}

// painted is one reading on the screen; all times in milliseconds of one clock.
type painted struct {
	Sub     string  `json:"sub"`
	At      float64 `json:"at"`      // when the source had been read
	Came    float64 `json:"came"`    // to the page
	Painted float64 `json:"painted"` // the frame that shows it
}

// watch opens a page, and returns what was painted in it.
func (c glassCommand) watch(ctx, browser context.Context, address string) ([]painted, error) {
	tab, cancel := chromedp.NewContext(browser)
	defer cancel()
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	if err := chromedp.Do(tab); err != nil {
		return nil, err
	}
	if _, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watchGlass}); err != nil {
		return nil, err
	}
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return nil, err
	}
	late := time.Now().Add(time.Minute + 3*c.Interval*time.Duration(c.Readings))
	for {
		if err := sleep(ctx, c.Interval); err != nil {
			return nil, err
		}
		list, err := chromedp.Run(tab, chromedp.Evaluate[[]painted]("window.glass"))
		if err != nil || len(list) >= c.Readings {
			return list, err
		}
		if time.Now().After(late) {
			return nil, fmt.Errorf("only %d readings were painted", len(list))
		}
	}
}

// row is what was painted of one page. The age beyond the interval is that of a panel just before its next reading is painted, when it is
// oldest, less the interval.
func (c glassCommand) row(name string, list []painted) (string, error) {
	last := make(map[string]painted)
	var came, shown, beyond []time.Duration
	for _, p := range list {
		came, shown = append(came, milliseconds(p.Came-p.At)), append(shown, milliseconds(p.Painted-p.At))
		if before, ok := last[p.Sub]; ok && milliseconds(p.At-before.At) < c.Interval*3/2 { // else one between said the same
			beyond = append(beyond, milliseconds(p.Painted-before.At)-c.Interval)
		}
		last[p.Sub] = p
	}
	if len(beyond) == 0 {
		return "", fmt.Errorf("%s: %d readings were painted, none after another", name, len(list))
	}
	for _, took := range [][]time.Duration{came, shown, beyond} {
		slices.Sort(took)
	}
	cells := []string{name, fmt.Sprint(len(list))}
	for _, took := range [][]time.Duration{came, shown, beyond} {
		cells = append(cells, millis(at(took, 0.5)), millis(at(took, 0.99)))
	}
	return "| " + strings.Join(append(cells, millis(beyond[len(beyond)-1])), " | ") + " |\n", nil
}

func milliseconds(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }
