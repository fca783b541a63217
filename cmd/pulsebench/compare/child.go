//go:build linux

package compare

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// startWithin is how long a program may take until it says that it is there.
	startWithin = 60 * time.Second
	// endWithin is how long it may take to end by itself.
	endWithin = 5 * time.Second
	// mostKept bounds what is kept of what it prints.
	mostKept = 64 << 10
)

// Command is a program to start.
type Command struct {
	Path string
	Args []string
	Dir  string
	Env  []string // besides this process's own
	CPUs []int    // empty: all
	// Files are what it finds open, from descriptor 3 on.
	Files []*os.File
}

// Child is a program that runs in a process group of its own, which ends with it. What it prints is kept.
type Child struct {
	PID   int
	cmd   *exec.Cmd
	said  printed
	ended chan struct{}
}

// Spawn starts the command on its processors. Where ctx ends, it is killed. The caller must Stop it.
func Spawn(ctx context.Context, c Command) (*Child, error) {
	child := &Child{ended: make(chan struct{})}
	child.said.more = make(chan struct{}, 1)
	child.cmd = exec.CommandContext(ctx, c.Path, c.Args...) // #nosec G204 -- one of those that are compared
	child.cmd.Dir, child.cmd.Env, child.cmd.ExtraFiles = c.Dir, append(os.Environ(), c.Env...), c.Files
	child.cmd.Stdout, child.cmd.Stderr = &child.said, &child.said
	child.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	child.cmd.Cancel = func() error { return syscall.Kill(-child.cmd.Process.Pid, syscall.SIGKILL) }
	child.cmd.WaitDelay = endWithin
	if err := OnCPUs(c.CPUs, child.cmd.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Path, err)
	}
	child.PID = child.cmd.Process.Pid
	go func() { // Stop waits for it
		defer close(child.ended)
		_ = child.cmd.Wait()
	}()
	return child, nil
}

// Line waits until the program prints a line that begins with prefix, and returns what follows in it.
func (c *Child) Line(ctx context.Context, prefix string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	for {
		if rest, ok := c.said.line(prefix); ok {
			return rest, nil
		}
		select {
		case <-c.said.more:
		case <-c.ended:
			return "", fmt.Errorf("%s ended:\n%s", c.cmd.Path, c.Said())
		case <-ctx.Done():
			return "", fmt.Errorf("%s does not say %q: %w\n%s", c.cmd.Path, prefix, ctx.Err(), c.Said())
		}
	}
}

// Ended is closed when the program has ended.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Said is what it has printed, cut at the end.
func (c *Child) Said() string {
	c.said.mu.Lock()
	defer c.said.mu.Unlock()
	return c.said.text.String()
}

// Stop asks the program to end, kills what is left of it after a while, and waits for it.
func (c *Child) Stop() {
	_ = syscall.Kill(-c.PID, syscall.SIGTERM)
	late := time.NewTimer(endWithin)
	defer late.Stop()
	select {
	case <-c.ended:
	case <-late.C:
	}
	_ = syscall.Kill(-c.PID, syscall.SIGKILL) // its children, if it left some
	<-c.ended
}

// OnCPUs calls start on a thread that may run on these processors only, which what it starts inherits.
func OnCPUs(cpus []int, start func() error) error {
	if len(cpus) == 0 {
		return start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, wanted unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	for _, cpu := range cpus {
		wanted.Set(cpu)
	}
	if err := unix.SchedSetaffinity(0, &wanted); err != nil {
		return err
	}
	err := start()
	if back := unix.SchedSetaffinity(0, &before); err == nil {
		err = back
	}
	return err
}

// printed is the beginning of what a program prints.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
	more chan struct{}
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.text.Write(b[:min(len(b), mostKept-p.text.Len())])
	p.mu.Unlock()
	select {
	case p.more <- struct{}{}:
	default: // it is to be looked at already
	}
	return len(b), nil
}

func (p *printed) line(prefix string) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line := range strings.Lines(p.text.String()) {
		if rest, ok := strings.CutPrefix(line, prefix); ok && strings.HasSuffix(rest, "\n") {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}
