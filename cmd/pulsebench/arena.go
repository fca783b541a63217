//go:build linux

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

const (
	patience = 10 * time.Second       // for so long nothing may come until it is lost
	settle   = 300 * time.Millisecond // how long a server is left alone before its memory is read
	itself   = "/proc/self/exe"       // this program, whatever is built under its name meanwhile
)

// arena shares the processors out: the first to the server, all others to its clients. Where there are too few for both, they
// have the same.
func (f field) arena() (arena, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return arena{}, fmt.Errorf("processors: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	if err := within(bound{"server-cpus", f.ServerCPUs, 1, 1024}); err != nil {
		return arena{}, err
	}
	first := min(f.ServerCPUs, len(cpus))
	a := arena{serverCPUs: cpus[:first], clientCPUs: cpus[first:], program: itself, patience: patience, settle: settle, fill: true}
	if len(a.clientCPUs) == 0 {
		a.clientCPUs = cpus
	}
	return a, nil
}
