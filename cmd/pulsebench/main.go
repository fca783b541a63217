//go:build unix

// Pulsebench measures pulsewall as its users meet it: it starts what it measures, plays the clients, and prints a table.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

const description = `Measures pulsewall. Everything that is measured is started on this machine and ended afterwards, and talks over loopback.
Figures of one run belong together: compare ratios, not times of different runs or machines.`

// grammar is the command line as kong reads it.
type grammar struct {
	Cluster clusterCommand `cmd:"" help:"Two nodes over Hazelcast: publish on one, receive at a client of the other, beside a bare topic of the same members."`
	Channel channelCommand `cmd:"" help:"Frames of channels from one node to another: by link, by topic, and inside a node."`
	Load    loadCommand    `cmd:"" help:"What nodes ask of a Hazelcast member a second, by what goes on."`
	Storm   stormCommand   `cmd:"" help:"Streams of very many clients broken at once: how long until all have good readings again."`
	Glass   glassCommand   `cmd:"" help:"How old data is when a real browser has painted it."`

	linuxCommands
}

// command is what one of the commands does. It prints its table to stdout, and how far it is to stderr.
type command interface {
	Run(ctx context.Context, stdout, stderr io.Writer) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program. It returns the exit code: 0, 1 when something failed, 2 when it was called wrongly.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	g, helped := new(grammar), false
	parser, err := kong.New(g, kong.Name("pulsebench"), kong.Description(description), kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true })) // only help exits
	if err != nil {
		fmt.Fprintf(stderr, "pulsebench: %v\n", err)
		return 1
	}
	chosen, err := parser.Parse(args)
	switch {
	case helped:
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "pulsebench: %v; see pulsebench --help\n", err)
		return 2
	}
	if err := chosen.Selected().Target.Addr().Interface().(command).Run(ctx, stdout, stderr); err != nil {
		fmt.Fprintf(stderr, "pulsebench: %v\n", err)
		return 1
	}
	return 0
}
