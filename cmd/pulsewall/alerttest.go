package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/pulsewall/pulsewall/alerts/notify"
)

// tellFor is how long "alert test" waits for one notifier, as long as the server does.
const tellFor = 30 * time.Second

// testNotifiers tells each notifier of one made-up event, and prints what came of it.
func testNotifiers(ctx context.Context, cfg config, w io.Writer) error {
	if len(cfg.notifiers) == 0 {
		return usageError{errors.New("nobody is told of alerts; allowed: alerts: with webhooks, email or both in the configuration, see docs/alerts.md")}
	}
	event, failed := notify.NewTrial(time.Now()), 0
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, n := range cfg.notifiers {
		began := time.Now()
		ctx, cancel := context.WithTimeout(ctx, tellFor)
		err := n.Notify(ctx, event)
		cancel()
		said := "told"
		if err != nil {
			said = err.Error()
			failed++
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", n.Name(), time.Since(began).Round(time.Millisecond), said)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("alert test: %d of %d could not be told; the event was %s", failed, len(cfg.notifiers), event.ID)
	}
	return nil
}
