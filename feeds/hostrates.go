package feeds

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/net"
)

// The time over which rates are averaged: the least, which a first poll waits for, and the most that may lie between two polls.
const (
	minWindow = 80 * time.Millisecond
	maxWindow = 2 * time.Minute
)

// counters are what the machine counts, at one moment. Parts that could not be read are empty.
type counters struct {
	at    time.Time
	cores []cpu.TimesStat
	nics  []net.IOCountersStat
}

// rates are the differences of two counters. A rate that is not known is nil, never 0.
type rates struct {
	cpu   any   // busy percent of all cores
	cores []any // busy percent of each
	nics  []nic
}

// nic is the traffic of a network interface in Mbit/s.
type nic struct {
	name    string
	in, out float64
	known   bool
}

// rates compares with the poll before, or with a moment ago when there is none to compare with.
func (h *host) rates(ctx context.Context) (rates, error) {
	now, err := readCounters(ctx)
	before := h.exchange(now)
	if before == nil || !before.within(now) {
		timer := time.NewTimer(minWindow)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return rates{}, ctx.Err()
		case <-timer.C:
		}
		before = now
		now, err = readCounters(ctx)
		h.exchange(now)
	}
	return between(before, now), err
}

// exchange keeps now and returns what was kept.
func (h *host) exchange(now *counters) *counters {
	h.mu.Lock()
	defer h.mu.Unlock()
	before := h.last
	h.last = now
	return before
}

// within says whether an average from c to now tells something about now.
func (c *counters) within(now *counters) bool {
	d := now.at.Sub(c.at)
	return minWindow <= d && d <= maxWindow
}

func readCounters(ctx context.Context) (*counters, error) {
	cores, cpuErr := cpu.TimesWithContext(ctx, true)
	nics, netErr := net.IOCountersWithContext(ctx, true)
	nics = slices.DeleteFunc(nics, func(n net.IOCountersStat) bool { return isVirtual(n.Name) })
	slices.SortFunc(nics, func(a, b net.IOCountersStat) int { return cmp.Compare(a.Name, b.Name) })
	return &counters{at: time.Now(), cores: cores, nics: nics}, errors.Join(cpuErr, netErr)
}

// isVirtual leaves out the interfaces whose traffic does not leave the machine or passes another one as well.
func isVirtual(name string) bool {
	for _, prefix := range []string{"lo", "veth", "docker", "br-", "virbr", "cali", "flannel", "cni", "ifb", "dummy", "tap", "vnet"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

func between(a, b *counters) rates {
	var r rates
	var busy, all float64
	for i, core := range b.cores {
		var percent any
		if i < len(a.cores) && a.cores[i].CPU == core.CPU {
			busyNow, allNow := cpuTime(core)
			busyThen, allThen := cpuTime(a.cores[i])
			percent = ratio(busyNow-busyThen, allNow-allThen)
			busy, all = busy+busyNow-busyThen, all+allNow-allThen
		}
		r.cores = append(r.cores, percent)
	}
	r.cpu = ratio(busy, all)
	seconds := b.at.Sub(a.at).Seconds()
	for _, now := range b.nics {
		n := nic{name: now.Name}
		i := slices.IndexFunc(a.nics, func(then net.IOCountersStat) bool { return then.Name == now.Name })
		if i >= 0 && seconds > 0 && now.BytesRecv >= a.nics[i].BytesRecv && now.BytesSent >= a.nics[i].BytesSent {
			n.known = true
			n.in = float64(now.BytesRecv-a.nics[i].BytesRecv) * 8 / 1e6 / seconds
			n.out = float64(now.BytesSent-a.nics[i].BytesSent) * 8 / 1e6 / seconds
		}
		r.nics = append(r.nics, n)
	}
	return r
}

// cpuTime returns busy and all seconds. Guest time is part of user time already.
func cpuTime(t cpu.TimesStat) (busy, all float64) {
	busy = t.User + t.System + t.Nice + t.Irq + t.Softirq + t.Steal
	return busy, busy + t.Idle + t.Iowait
}

// ratio is a percentage, or nil where the counters did not move or ran backwards.
func ratio(part, all float64) any {
	if all <= 0 || part < 0 {
		return nil
	}
	return round(min(100, 100*part/all), 1)
}

// total adds up the interfaces. It is known only when all of them are.
func (r rates) total() (in, out float64, ok bool) {
	for _, n := range r.nics {
		if !n.known {
			return 0, 0, false
		}
		in, out = in+n.in, out+n.out
	}
	return in, out, len(r.nics) > 0
}

// round keeps so many decimals: more would be noise on the page and difference where there is none.
func round(x float64, decimals int) float64 {
	scale := math.Pow10(decimals)
	return math.Round(x*scale) / scale
}
