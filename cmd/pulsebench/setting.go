//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
)

// setting is when and where something was measured.
type setting struct {
	began   time.Time
	arena   arena
	command string
	load    string // of the machine, before
}

func newSetting(a arena) setting {
	return setting{began: time.Now(), arena: a, command: "pulsebench " + strings.Join(os.Args[1:], " "), load: loadAverage()}
}

// text says it, for a table of compareCommand.
func (s setting) text(c compareCommand) string {
	out := s.where() + fmt.Sprintf("%d clients, payloads of %d bytes. Paced: %d a second for %v. Saturated: %d under way at most, for %v.\n",
		c.Count, c.Size, c.Rate, c.Paced, c.Window, c.Saturated)
	if c.Stuck {
		out += fmt.Sprintf("Stuck: %d of %d stop reading and miss %d payloads of %d bytes.\n", stuckOnes, stuckAmong, c.Pushes, stuckSize)
	}
	return out + "Medians of repetitions (least–most).\n"
}

func (s setting) where() string {
	permitted, _ := clients.Permitted() // asked before
	return fmt.Sprintf("`%s`, %s, %v long, pulsewall %s, %s.\n%s, Linux %s; server on processors %v, clients on %v; %d clients permitted by descriptors;"+
		" load average before %s, after %s.\n",
		s.command, s.began.UTC().Format("2006-01-02 15:04 MST"), time.Since(s.began).Round(time.Second), revision(), runtime.Version(),
		processor(), kernel(), s.arena.serverCPUs, s.arena.clientCPUs, permitted, s.load, loadAverage())
}

// revision is what this program was built from; go run does not tell it, the folder that it runs in does.
func revision() string {
	at, err := exec.Command("git", "describe", "--always", "--dirty", "--abbrev=10").Output()
	if err != nil {
		return "of an unknown revision"
	}
	return strings.TrimSpace(string(at))
}

func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // nothing of it is needed
	_, rest, _ := strings.Cut(string(text), "model name")
	name, _, _ := strings.Cut(strings.TrimLeft(rest, "\t: "), "\n")
	return fmt.Sprintf("%s, %d processors", strings.TrimSpace(name), runtime.NumCPU())
}

func kernel() string {
	var u unix.Utsname
	_ = unix.Uname(&u) // likewise
	return unix.ByteSliceToString(u.Release[:])
}

func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // likewise
	first, _, _ := strings.Cut(string(text), " ")
	return first
}
