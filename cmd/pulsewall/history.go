package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/history"
)

// noDataDir is the data directory of a program that keeps nothing.
const noDataDir = "off"

type (
	dataDir  string // a directory, or off; empty: the user's
	byteSize int64  // 16 MiB to 1 TiB
)

type historyConfig struct {
	MaxSize byteSize `yaml:"maxSize"`
}

// units are what sizes are written in, the largest first.
var units = []struct {
	name string
	size byteSize
}{{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// UnmarshalText reads a size like 1GiB.
func (v *byteSize) UnmarshalText(text []byte) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		n, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
		if !ok || err != nil {
			continue
		}
		if size := n * float64(u.size); size >= history.LeastSize && size <= 1<<40 {
			*v = byteSize(size) &^ 1023
			return nil
		}
	}
	return fmt.Errorf("%q is not a size; allowed: 16MiB to 1TiB, written like 512MiB or 1GiB", text)
}

// MarshalText writes it like 1GiB.
func (v byteSize) MarshalText() ([]byte, error) {
	for _, u := range units {
		if v%u.size == 0 {
			return fmt.Appendf(nil, "%d%s", v/u.size, u.name), nil
		}
	}
	return nil, fmt.Errorf("size of %d bytes: want whole KiB", v) // never made by UnmarshalText
}

// userDataDir is where programs of this user keep their state; empty: the system does not say.
func userDataDir(env []string, system string) string {
	of := func(key string, rest ...string) string {
		if dir, ok := lookup(env, key); ok && filepath.IsAbs(dir) {
			return filepath.Join(append(append([]string{dir}, rest...), "pulsewall")...)
		}
		return ""
	}
	switch system {
	case "windows":
		return of("LocalAppData")
	case "darwin":
		return of("HOME", "Library", "Application Support")
	}
	if dir := of("XDG_STATE_HOME"); dir != "" {
		return dir
	}
	return of("HOME", ".local", "state")
}

// openHistory opens the history. A directory that was named must do; without the user's own, the program says so and goes on.
func openHistory(cfg config, env []string, log *slog.Logger) (*history.Store, error) {
	dir, named := string(cfg.DataDir), cfg.DataDir != ""
	switch {
	case dir == noDataDir:
		return nil, nil
	case !named:
		dir = userDataDir(env, runtime.GOOS)
	}
	if dir == "" {
		log.Warn("no history: this user has no directory for it; name one by --data-dir, or --data-dir off")
		return nil, nil
	}
	store, err := history.Open(dir, history.Options{MaxSize: int64(cfg.History.MaxSize), Logger: log})
	switch {
	case err == nil:
		return store, nil
	case !named:
		log.Warn("no history: the directory cannot be used; name another one by --data-dir, or --data-dir off", "err", err)
		return nil, nil
	case errors.Is(err, history.ErrInUse):
		return nil, fmt.Errorf("%w: give each process a --data-dir of its own", err)
	}
	return nil, fmt.Errorf("--data-dir %s: %w", dir, err)
}

// open listens, opens the history, and serves a dashboard with both. Who has the port has the history as well, so the port comes first.
func open(ctx context.Context, cfg config, opts dashboard.Options, env []string) (err error) {
	ln, err := listen(cfg.Listen) //nolint:contextcheck // opening a socket waits for nothing
	if err != nil {
		return err
	}
	defer func() { _ = ln.Close() }() // a second time, if it was served
	store, err := openHistory(cfg, env, opts.Logger)
	if err != nil {
		return err
	}
	if store != nil {
		defer func() { err = errors.Join(err, store.Close()) }()
	}
	opts.History = store
	wall, err := dashboard.New(opts)
	if err != nil {
		return usageError{err}
	}
	return serve(ctx, cfg, ln, wall, opts.Logger)
}
