//go:build linux

package compare

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestChild starts a shell on one processor, reads what it says, sees what it and its children take, and ends it.
func TestChild(t *testing.T) {
	t.Parallel()
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !own.IsSet(cpu) {
		cpu++
	}
	c, err := Spawn(t.Context(), Command{
		Path: "/bin/sh", Args: []string{"-c", `echo noise; sleep 600 & echo "here $WORD"; wait`}, Env: []string{"WORD=now"}, CPUs: []int{cpu},
	})
	if err != nil {
		t.Fatal(err)
	}
	if word, err := c.Line(t.Context(), "here "); err != nil || word != "now" {
		t.Errorf("Line = %q, %v; want now", word, err)
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(c.PID, &set); err != nil || set.Count() != 1 || !set.IsSet(cpu) {
		t.Errorf("it may run on %d processors, %v; want %d alone", set.Count(), err, cpu)
	}
	family, err := familyOf(c.PID)
	if err != nil || len(family) != 2 {
		t.Errorf("familyOf = %v, %v; want the shell and its sleep", family, err)
	}
	if u, err := UsageOf(c.PID); err != nil || u.CPU <= 0 || u.RSS <= 0 || u.PSS <= 0 || u.PSS > u.RSS || u.Own <= 0 || u.Own > u.PSS {
		t.Errorf("UsageOf = %+v, %v", u, err)
	}
	c.Stop()
	for _, pid := range family {
		if err := gone(pid); err != nil {
			t.Error(err)
		}
	}
}

// gone waits until a process has ended; nobody may have asked for it.
func gone(pid int) error {
	for deadline := time.Now().Add(30 * time.Second); ; runtime.Gosched() {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		_, rest, _ := strings.Cut(string(stat), ") ")
		if err != nil || strings.HasPrefix(rest, "Z") {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("process %d lives on", pid)
		}
	}
}

func TestChildEnds(t *testing.T) {
	t.Parallel()
	c, err := Spawn(t.Context(), Command{Path: "/bin/sh", Args: []string{"-c", "echo no such file; exit 3"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Stop()
	if _, err := c.Line(t.Context(), "here "); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("Line = %v; want what it said", err)
	}
	if _, err := Spawn(t.Context(), Command{Path: "/no/such/program"}); err == nil {
		t.Error("Spawn of no program")
	}
}
