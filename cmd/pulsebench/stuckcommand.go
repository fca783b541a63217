//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
)

// stuckCommand measures what clients that stop reading cost.
type stuckCommand struct {
	field
	Count  int           `name:"clients" help:"Clients of each server." default:"1000"`
	Stuck  int           `help:"How many of them stop reading." default:"1"`
	Size   int           `help:"Bytes of a payload." default:"16384"`
	Pushes int           `help:"Payloads that they miss." default:"2000"`
	Every  time.Duration `help:"From one to the next; 0: back to back." default:"15ms"`
	Window int           `help:"Then: payloads that are not with all others yet." default:"16"`
}

func (c stuckCommand) check() error {
	permitted, err := clients.Permitted()
	if err != nil {
		return err
	}
	return within(
		bound{"clients", c.Count, 2, permitted}, bound{"stuck", c.Stuck, 1, c.Count - 1}, bound{"size", c.Size, 64, 64 << 10},
		bound{"pushes", c.Pushes, 1, 100_000}, bound{"window", c.Window, 1, 1000}, bound{"every (ms)", int(c.Every.Milliseconds()), 0, 60_000},
	)
}

// stuckWithin is how long all servers together may take.
const stuckWithin = 2 * time.Hour

// Run measures and prints the table.
func (c stuckCommand) Run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"pulsewall-readings"}
	}
	a, err := c.arena()
	if err != nil {
		return err
	}
	where := newSetting(a)
	r := newReport(compareCommand{}, a)
	list, err := c.entrants(ctx, a, r.missing, stderr)
	if err != nil {
		return err
	}
	s := stuck{Clients: c.Count, Stuck: c.Stuck, Size: c.Size, Pushes: c.Pushes, Every: c.Every, Window: c.Window}
	if err := runStuck(ctx, s, a, list, r, time.Now().Add(stuckWithin), stderr); err != nil {
		return err
	}
	out := fmt.Sprintf("\n| server | transport | %d of %d stuck, %d × %d bytes: + MiB | others' p99 × | p99 ms without | with | lost to others |\n", c.Stuck, c.Count, c.Pushes, c.Size) +
		"| --- | --- | --- | --- | --- | --- | --- |\n"
	for _, x := range r.rows {
		if x.stuck != nil {
			out += fmt.Sprintf("| %s | %s | %s | %s | %s | %d |\n", x.server.Name(), x.transport, x.stuckText(), millis(x.stuck.before), millis(x.stuck.after), x.stuck.lost)
		}
	}
	fmt.Fprintln(stderr)
	return c.tell(stdout, "stuck", where.where()+out+r.footnotes())
}
