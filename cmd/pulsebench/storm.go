//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// stormCommand breaks the streams of very many clients at once and tells how long it takes until all have a good reading again. They come
// back as pages do.
type stormCommand struct {
	Clients  int           `help:"How many clients. Each is a descriptor here and one of the node." default:"10000"`
	Interval time.Duration `help:"Of the feeds." default:"10s"`
	Rounds   int           `help:"How often each is done." default:"1"`
	What     []string      `help:"What happens: cut (all sockets are reset), restart (the node is told to stop, and started again), kill (the same without a word)." default:"cut,restart,kill" enum:"cut,restart,kill"`
	Binary   string        `help:"The pulsewall to measure; none: one built from the source." placeholder:"FILE"`
}

const (
	// freshWithin is how long clients may take to have readings again before it counts as a failure.
	freshWithin = time.Minute
	// mostClients is what one process has descriptors for.
	mostClients = 19_000
)

func (c stormCommand) check() error {
	return within(
		bound{"clients", c.Clients, 1, mostClients}, bound{"rounds", c.Rounds, 1, 100},
		bound{"interval (seconds)", int(c.Interval / time.Second), 1, 3600},
	)
}

// Run starts a node and its clients, breaks their streams, and prints the table.
func (c stormCommand) Run(ctx context.Context, stdout, stderr io.Writer) (err error) {
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
	s := &storm{stormCommand: c, node: n, progress: stderr, out: stdout}
	defer func() { s.node.stop() }()
	return s.run(ctx)
}

// storm is a node and its clients.
type storm struct {
	stormCommand
	node     *node
	clients  []*returner
	now      atomic.Pointer[upheaval]
	progress io.Writer
	out      io.Writer
}

func (s *storm) run(ctx context.Context) error {
	if err := s.node.joined(ctx, 1); err != nil {
		return err
	}
	u := newUpheaval(s.Clients)
	s.now.Store(u)
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for i := range s.Clients {
		r := newReturner(s.node.addr, i)
		s.clients = append(s.clients, r)
		running.Go(func() { r.run(ctx, &s.now) })
	}
	row, err := s.fresh(ctx, "all come for the first time", u, func() time.Duration { return s.node.cpu() })
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "| %d clients, interval %v | fresh again, p50 | p99 | all | streams opened | in vain | CPU of the node |\n"+
		"| --- | --- | --- | --- | --- | --- | --- |\n%s", s.Clients, s.Interval, row)
	for range s.Rounds {
		for _, what := range s.What {
			if err := sleep(ctx, s.Interval); err != nil { // until cursors are older than the readings
				return err
			}
			row, err := s.upheave(ctx, what)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			fmt.Fprint(s.out, row)
		}
	}
	return nil
}

// upheave does one thing to all and returns its row.
func (s *storm) upheave(ctx context.Context, what string) (row string, err error) {
	u, before := newUpheaval(s.Clients), s.node.cpu()
	s.now.Store(u)
	switch what {
	case "cut":
		for _, r := range s.clients {
			r.cut()
		}
		return s.fresh(ctx, "all sockets are reset", u, func() time.Duration { return s.node.cpu() - before })
	case "restart":
		s.node.stop()
	case "kill":
		_ = s.node.cmd.Process.Kill()
		_ = s.node.cmd.Wait() // says that it was killed
	}
	if s.node, err = s.node.again(); err != nil {
		return "", err
	}
	name := map[string]string{"restart": "the node is told to stop, and started again", "kill": "the node is killed, and started again"}[what]
	return s.fresh(ctx, name, u, func() time.Duration { return s.node.cpu() })
}

// fresh waits until all clients have a good reading, and returns what that took.
func (s *storm) fresh(ctx context.Context, name string, u *upheaval, cpu func() time.Duration) (row string, err error) {
	fmt.Fprintln(s.progress, name)
	ctx, cancel := context.WithTimeout(ctx, freshWithin)
	defer cancel()
	took := make([]time.Duration, 0, s.Clients)
	for len(took) < s.Clients {
		select {
		case d := <-u.took:
			took = append(took, d)
		case <-ctx.Done():
			err := context.Cause(ctx)
			if last := u.last.Load(); last != nil {
				err = *last
			}
			return "", fmt.Errorf("%d of %d clients are fresh after %v, %d tries of %d failed: %w", len(took), s.Clients, time.Since(u.began), u.vain.Load(), u.tries.Load(), err)
		}
	}
	slices.Sort(took)
	return fmt.Sprintf("| %s | %.2f s | %.2f s | %.2f s | %d | %d | %.2f s |\n", name, at(took, 0.5).Seconds(), at(took, 0.99).Seconds(),
		took[len(took)-1].Seconds(), u.tries.Load(), u.vain.Load(), cpu().Seconds()), nil
}

// again starts a node that has ended once more, at its address.
func (n *node) again() (*node, error) {
	next := &node{addr: n.addr, cmd: exec.Command(n.cmd.Path, n.cmd.Args[1:]...)} // #nosec G204 -- as it was started before
	next.cmd.Stdout, next.cmd.Stderr = &next.printed, &next.printed
	if err := next.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the node again: %w", err)
	}
	return next, nil
}

// cpu is the processor time that the node has taken; zero where the system does not tell.
func (n *node) cpu() time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // from its state on
	var user, system int64
	fields := strings.Fields(rest)
	const userAt, systemAt, hundredths = 11, 12, 10 * time.Millisecond
	if len(fields) <= systemAt {
		return 0
	}
	_, _ = fmt.Sscan(fields[userAt], &user) // a number, or the kernel is another one
	_, _ = fmt.Sscan(fields[systemAt], &system)
	return time.Duration(user+system) * hundredths
}
