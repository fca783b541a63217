// Pulsewall polls feeds and pushes each reading to every browser that watches it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/pulsewall/pulsewall/dashboard"
)

func main() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1) // so that streams are written on every processor, and one is left for all else
	}
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1) // the first is enough
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-signals
		signal.Stop(signals) // before anybody sees that it ends: from here on a second signal ends the process at once
		cancel()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// usageError is a mistake of whoever started the program: a wrong flag, variable or configuration file.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// run is the whole program. It returns the exit code: 0, 1 when something failed, 2 when it was called wrongly.
func run(ctx context.Context, args, env []string, stdout, stderr io.Writer) int {
	err := execute(ctx, args, env, stdout, stderr)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "pulsewall: %v\n", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 1
}

func execute(ctx context.Context, args, env []string, stdout, stderr io.Writer) error {
	cmd, err := parseCommand(args, env, stdout)
	if err != nil {
		return usageError{err}
	}
	switch cmd.name {
	case "help":
		return nil
	case "version":
		_, err := fmt.Fprintln(stdout, versionLine())
		return err
	}
	cfg, err := effective(cmd) //nolint:contextcheck // reading a file of keys waits for nothing
	if err != nil {
		return usageError{err}
	}
	if cmd.name != "serve" { // there the scheduler does it
		defer func() { _ = cfg.close() }() // nothing is left to be done about it
	}
	if cmd.name == "feed test <name>" {
		return testFeed(ctx, cfg, cmd.test, stdout)
	}
	if cmd.name == "alert test" {
		return testNotifiers(ctx, cfg, stdout)
	}
	log := newLogger(cfg.Log, stderr)
	opts := cfg.options()
	opts.Logger, opts.Version = log, version()
	if opts.Auth, err = cfg.auth(log); err != nil { //nolint:contextcheck // likewise
		return usageError{err}
	}
	if cmd.name == "serve" {
		return open(ctx, cfg, opts, env)
	}
	if _, err := dashboard.New(opts); err != nil {
		return usageError{err}
	}
	switch cmd.name {
	case "config check":
		_, err := fmt.Fprintf(stdout, "%s: ok, %d feeds and %d dashboards\n", cfg.source(), len(opts.Feeds), len(opts.Boards))
		return err
	default: // config print
		return cfg.print(stdout)
	}
}

// newLogger returns a logger to w as the configuration wants it.
func newLogger(c logConfig, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: c.Level.slog()}
	if c.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}
