//go:build linux

package compare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Usage is what a process and the others of its group take of the machine. What the kernel holds for its sockets is not in it.
type Usage struct {
	CPU time.Duration // since each started
	RSS int64         // bytes
	PSS int64         // bytes; pages that processes share count once
	Own int64         // of PSS, what is no file's: heaps, stacks and memory that its processes share
}

// UsageOf returns what the process takes now.
func UsageOf(pid int) (Usage, error) {
	var u Usage
	cpu, err := CPUOf(pid)
	if err != nil {
		return u, err
	}
	u.CPU = cpu
	family, err := familyOf(pid)
	if err != nil {
		return u, err
	}
	for _, member := range family {
		if err := u.addMemory(member); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return u, err
		}
	}
	return u, nil
}

// CPUOf returns the processor time that the process, which leads a group, and the others of the group have taken.
func CPUOf(pid int) (time.Duration, error) {
	family, err := familyOf(pid)
	if err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, member := range family {
		var at unix.Timespec
		err := unix.ClockGettime(cpuClock(member), &at)
		if err != nil && member == pid {
			return 0, fmt.Errorf("processor time of %d: %w", pid, err)
		}
		if err == nil { // one that has ended meanwhile has taken next to nothing
			sum += time.Duration(at.Nano())
		}
	}
	return sum, nil
}

// cpuClock is the clock of a process's processor time, to the nanosecond, where /proc tells hundredths (clock_getcpuclockid(3)).
func cpuClock(pid int) int32 {
	const scheduled = 2
	return int32(^pid)<<3 | scheduled
}

// familyOf returns the processes of the group that the process leads.
func familyOf(pid int) ([]int, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	family := []int{pid}
	for _, entry := range entries {
		other, err := strconv.Atoi(entry.Name())
		if err != nil || other == pid {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", other))
		if err != nil {
			continue // it has ended
		}
		_, rest, _ := strings.Cut(string(stat), ") ") // state, parent, group
		if fields := strings.Fields(rest); len(fields) > 2 && fields[2] == strconv.Itoa(pid) {
			family = append(family, other)
		}
	}
	return family, nil
}

func (u *Usage) addMemory(pid int) error {
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(rollup)) {
		name, rest, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			continue
		}
		switch name {
		case "Rss":
			u.RSS += kib << 10
		case "Pss":
			u.PSS += kib << 10
		case "Pss_Anon", "Pss_Shmem":
			u.Own += kib << 10
		}
	}
	return nil
}
