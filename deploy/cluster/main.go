//go:build unix

// Command cluster starts all of a site with several nodes on this machine, to look at and to break: Hazelcast members, pulsewall
// nodes joined over them, and nginx in front. It runs until it is interrupted, and then ends what it started.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// flags are the command line.
type flags struct {
	Listen  string `help:"Where nginx listens, host:port (default 127.0.0.1:8080 when that is free, else a free port)." placeholder:"ADDRESS"`
	Nodes   int    `help:"How many pulsewall nodes, 1 to ${mostNodes}." default:"3"`
	Members int    `help:"How many Hazelcast members, 1 to ${mostMembers}." default:"2"`
	Binary  string `help:"The pulsewall to run; none: one that is built from this source." placeholder:"FILE"`
}

// What one machine can do: a member takes 200 MB.
const (
	mostNodes   = 26 // they are called a to z
	mostMembers = 5
)

const description = `Several pulsewall nodes behind one address on this machine: Hazelcast members, nodes joined over them, and nginx with
deploy/nginx.conf in front, round robin. The address is printed when all is ready; Ctrl-C ends everything.

To see it survive, end a node or a member by the process id that is printed: kill -9 PID.`

func main() {
	var f flags
	kong.Parse(&f, kong.Name("cluster"), kong.Description(description), kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 120}),
		kong.Vars{"mostNodes": fmt.Sprint(mostNodes), "mostMembers": fmt.Sprint(mostMembers)})
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends this at once
	if err := f.check(); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(2)
	}
	if err := run(ctx, f, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func (f flags) check() error {
	if f.Nodes < 1 || f.Nodes > mostNodes {
		return fmt.Errorf("--nodes %d: want 1 to %d", f.Nodes, mostNodes)
	}
	if f.Members < 1 || f.Members > mostMembers {
		return fmt.Errorf("--members %d: want 1 to %d", f.Members, mostMembers)
	}
	return nil
}

// run starts everything, says where it is on out, and ends it all when ctx ends. What the processes print goes to log.
func run(ctx context.Context, f flags, out, log io.Writer) (err error) {
	s := &site{log: &lines{to: log}, ended: make(chan ending)}
	defer func() { err = errors.Join(err, s.stop()) }()
	if err := s.start(ctx, f); err != nil {
		if ctx.Err() != nil {
			return nil // as asked
		}
		return err
	}
	s.describe(out)
	return s.follow(ctx)
}
