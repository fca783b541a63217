//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/ours"
)

// field says who is measured, and where.
type field struct {
	Servers    []string `help:"Which servers; part of a name is enough. The plain loop is always there. None: all." placeholder:"NAME"`
	Transports []string `help:"Which transports: websocket, sse, poll. None: all." enum:"websocket,sse,poll" placeholder:"NAME"`
	Peers      string   `help:"The folder with the peers' programs." default:"cmd/pulsebench/peers" placeholder:"FOLDER"`
	Into       string   `help:"A document that gets the tables, too, between comments that mark their place." placeholder:"FILE"`
	ServerCPUs int      `name:"server-cpus" help:"How many processors a server gets; its clients get the others." default:"2"`
}

// compareCommand measures pulsewall and its peers, one after the other, in repetitions that each measure all of them.
type compareCommand struct {
	field
	Full        bool          `help:"10,000 clients, longer phases and 32 MB missed by each of those who are stuck: about an hour. Else it is 10 minutes."`
	Count       int           `name:"clients" help:"Clients of each server; 0: 1,000, with --full 10,000."`
	Repetitions int           `help:"How often everything is measured." default:"3"`
	Within      time.Duration `help:"Nothing begins that would end later than this; 0: 10 minutes, with --full 2 hours."`
	Size        int           `help:"Bytes of a payload." default:"1024"`
	Rate        int           `help:"Payloads a second in the paced phase." default:"10"`
	Window      int           `help:"Payloads that are not with all clients yet in the saturated phase." default:"16"`
	Paced       time.Duration `help:"Length of the paced phase; 0: 2.5 s, with --full 6 s."`
	Saturated   time.Duration `help:"Length of the saturated phase; 0: 1 s, with --full 3 s."`
	Stuck       bool          `help:"Also have 5 of 500 clients stop reading." default:"true" negatable:""`
	Profiles    string        `help:"A folder for profiles of our own servers, which disturb what is measured a little." placeholder:"FOLDER"`
	Pushes      int           `help:"Payloads that they miss; 0: 700, with --full 4,500."`
}

// withDefaults fills in what --full changes.
func (c compareCommand) withDefaults() compareCommand {
	quick := compareCommand{Count: 1_000, Within: 10 * time.Minute, Paced: 2500 * time.Millisecond, Saturated: time.Second, Pushes: 700}
	if c.Full {
		quick = compareCommand{Count: 10_000, Within: 2 * time.Hour, Paced: 6 * time.Second, Saturated: 3 * time.Second, Pushes: 4_500}
	}
	for _, d := range []struct{ value, usual *time.Duration }{{&c.Within, &quick.Within}, {&c.Paced, &quick.Paced}, {&c.Saturated, &quick.Saturated}} {
		if *d.value == 0 {
			*d.value = *d.usual
		}
	}
	if c.Count == 0 {
		c.Count = quick.Count
	}
	if c.Pushes == 0 {
		c.Pushes = quick.Pushes
	}
	return c
}

func (c compareCommand) check() error {
	permitted, err := clients.Permitted()
	if err != nil {
		return err
	}
	return within(
		bound{"clients", c.Count, 1, permitted}, bound{"repetitions", c.Repetitions, 1, 100}, bound{"size", c.Size, 64, 8000},
		bound{"rate", c.Rate, 1, 1000}, bound{"window", c.Window, 1, 1000}, bound{"pushes", c.Pushes, 0, 100_000},
		bound{"paced (ms)", int(c.Paced.Milliseconds()), 100, 600_000}, bound{"saturated (ms)", int(c.Saturated.Milliseconds()), 100, 600_000},
	)
}

// Stuck clients are as many everywhere, with payloads as large as pulsewall takes them in a message.
const (
	stuckAmong = 500
	stuckOnes  = 5
	stuckSize  = 7 << 10
)

// Run measures and prints the tables.
func (c compareCommand) Run(ctx context.Context, stdout, stderr io.Writer) error {
	c = c.withDefaults()
	if err := c.check(); err != nil {
		return err
	}
	a, err := c.arena()
	if err != nil {
		return err
	}
	a.profiles = c.Profiles
	r := newReport(c, a)
	list, err := c.entrants(ctx, a, r.missing, stderr)
	if err != nil {
		return err
	}
	err = c.measure(ctx, a, list, r, stderr)
	fmt.Fprintln(stderr)
	mark := "compare"
	if c.Full {
		mark = "compare --full"
	}
	if err != nil {
		c.Into = "" // half a table is worth a look, no more
	}
	return errors.Join(err, c.tell(stdout, mark, r.text())) // what there is, also after an interruption
}

// measure measures all in each repetition, in turned order, and after the first one what stuck clients cost.
func (c compareCommand) measure(ctx context.Context, a arena, list []entrant, r *report, stderr io.Writer) error {
	f := fanout{Clients: c.Count, Size: c.Size, Rate: c.Rate, Paced: c.Paced, Saturated: c.Saturated, Window: c.Window}
	s := stuck{Clients: stuckAmong, Stuck: stuckOnes, Size: stuckSize, Pushes: c.Pushes, Window: c.Window}
	end := time.Now().Add(c.Within)
	longest := time.Duration(0)
	for n := range c.Repetitions {
		if time.Now().Add(longest).After(end) {
			r.absent = append(r.absent, fmt.Sprintf("repetitions from %d on: they would not have ended within %v", n+1, c.Within))
			return nil
		}
		begun := time.Now()
		turned := slices.Concat(list[n*len(list)/c.Repetitions:], list[:n*len(list)/c.Repetitions])
		for i, e := range turned {
			if time.Now().After(end) {
				r.absent = append(r.absent, fmt.Sprintf("%s in repetition %d: there was no time", e, n+1))
				continue
			}
			fmt.Fprintf(stderr, "\rrepetition %d of %d: %d of %d, %-50s", n+1, c.Repetitions, i+1, len(turned), e)
			got, err := f.run(ctx, a, e)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			r.add(n, e, got, err)
		}
		longest = max(longest, time.Since(begun))
		if n == 0 && c.Stuck {
			again := min(c.Repetitions-1, 1) // at least one more repetition is to have its time
			if err := runStuck(ctx, s, a, list, r, end.Add(-time.Duration(again)*longest), stderr); err != nil {
				return err
			}
		}
	}
	return nil
}

// runStuck has clients of each entrant stop reading, as long as there is time. The plain loop waits for those who do, so it has no
// part in it.
func runStuck(ctx context.Context, s stuck, a arena, list []entrant, r *report, end time.Time, stderr io.Writer) error {
	longest := time.Duration(0)
	for i, e := range list {
		if e.server.Name() == ours.Raw || e.transport == compare.LongPoll {
			continue
		}
		if time.Now().Add(longest).After(end) {
			r.absent = append(r.absent, fmt.Sprintf("stuck clients of %s: there was no time", e))
			continue
		}
		begun := time.Now()
		fmt.Fprintf(stderr, "\rstuck clients: %d of %d, %-60s", i+1, len(list), e)
		got, err := s.run(ctx, a, e)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.addStuck(e, got, err)
		longest = max(longest, time.Since(begun))
	}
	return nil
}

// String names an entrant.
func (e entrant) String() string { return e.server.Name() + ", " + string(e.transport) }

// preparer is a server that may have to get something first.
type preparer interface {
	Prepare(ctx context.Context) error
}

// entrants are those that were asked for and can be had, the plain loop first. missing is told of the others.
func (f field) entrants(ctx context.Context, a arena, missing func(name string, err error), stderr io.Writer) (list []entrant, err error) {
	serve := []string{"serve"}
	if a.profiles != "" {
		serve = append(serve, "--profiles")
	}
	for _, s := range slices.Concat(ours.Servers(a.program, serve...), compare.Peers(f.Peers)) {
		if !f.wanted(s.Name()) {
			continue
		}
		if p, ok := s.(preparer); ok {
			fmt.Fprintf(stderr, "\rpreparing %-50s", s.Name())
			err := p.Prepare(ctx)
			if errors.Is(err, compare.ErrMissing) {
				missing(s.Name(), err)
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name(), err)
			}
		}
		for _, t := range s.Transports() {
			if f.by(t) {
				list = append(list, entrant{s, t})
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no server is called %q", f.Servers)
	}
	return list, nil
}

func (f field) wanted(name string) bool {
	return len(f.Servers) == 0 || name == ours.Raw || slices.ContainsFunc(f.Servers, func(part string) bool {
		return strings.Contains(strings.ToLower(name), strings.ToLower(part))
	})
}

func (f field) by(t compare.Transport) bool {
	names := map[compare.Transport]string{compare.WebSocket: "websocket", compare.SSE: "sse", compare.LongPoll: "poll"}
	return len(f.Transports) == 0 || slices.Contains(f.Transports, names[t])
}
