//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
)

// crowdCommand measures how long one tick takes until all of a crowd have it, in crowds of several sizes.
type crowdCommand struct {
	field
	Sizes []int         `help:"Clients of each crowd; none: up to 50,000, or what descriptors permit." placeholder:"CLIENTS"`
	Ticks int           `help:"How many ticks are measured in each." default:"10"`
	Every time.Duration `help:"From one tick to the next." default:"1s"`
	Size  int           `help:"Bytes of a tick." default:"1024"`
}

const largestCrowd = 50_000

func (c crowdCommand) check() error {
	permitted, err := clients.Permitted()
	if err != nil {
		return err
	}
	for _, n := range c.Sizes {
		if err := within(bound{"sizes", n, 1, permitted}); err != nil {
			return err
		}
	}
	return within(
		bound{"ticks", c.Ticks, 1, 1000}, bound{"every (ms)", int(c.Every.Milliseconds()), 1, 60_000}, bound{"size", c.Size, 64, 8000},
	)
}

// point is a crowd and how long its ticks took.
type point struct {
	clients      int
	all, p99     time.Duration // medians: until all had it
	worst        time.Duration
	cpu          float64 // seconds for a million deliveries
	connects     float64
	idle         float64 // KiB a connection
	lost         int64
	crowdBusy    float64 // part of their processors, while ticks were on their way
	totalDeliver int64
}

// Run measures and prints a table and a line through its points for each server.
func (c crowdCommand) Run(ctx context.Context, stdout, stderr io.Writer) error {
	if err := c.check(); err != nil {
		return err
	}
	if len(c.Servers) == 0 {
		c.Servers = []string{"pulsewall"}
	}
	if len(c.Sizes) == 0 {
		permitted, err := clients.Permitted()
		if err != nil {
			return err
		}
		most := min(permitted, largestCrowd)
		c.Sizes = []int{most / 8, most / 4, most / 2, most}
	}
	a, err := c.arena()
	if err != nil {
		return err
	}
	where := newSetting(a)
	list, err := c.entrants(ctx, a, func(name string, err error) { fmt.Fprintf(stderr, "left out: %s: %v\n", name, err) }, stderr)
	if err != nil {
		return err
	}
	out := "\n| server | transport | clients | tick with all, median | worst | p99 | CPU s a million | KiB a connection | connects/s | clients busy % | lost |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n"
	fits := "\n"
	for _, e := range list {
		var points []point
		for _, n := range c.Sizes {
			fmt.Fprintf(stderr, "\r%-50s %d clients ", e, n)
			p, err := c.measure(ctx, a, e, n)
			if err != nil {
				return fmt.Errorf("%s, %d clients: %w", e, n, err)
			}
			out += fmt.Sprintf("| %s | %s | %d | %s | %s | %s | %.2f | %.1f | %.0f | %.0f | %d |\n", e.server.Name(), e.transport, n,
				millis(p.all), millis(p.worst), millis(p.p99), p.cpu, p.idle, p.connects, p.crowdBusy*100, p.lost)
			points = append(points, p)
		}
		slope, base, fit := line(points)
		fits += fmt.Sprintf("- %s: %.2f ms + %.2f ms for each 1,000 clients (R² %.3f)\n", e, base, slope*1000, fit)
	}
	fmt.Fprintln(stderr)
	return c.tell(stdout, "crowd", where.where()+out+fits)
}

func (c crowdCommand) measure(ctx context.Context, a arena, e entrant, n int) (point, error) {
	p := point{clients: n}
	m, err := a.begin(ctx, e, c.Size, 1)
	if err != nil {
		return p, err
	}
	defer m.end()
	_, empty, err := m.memory(ctx)
	if err != nil {
		return p, err
	}
	took, err := m.open(n)
	if err != nil {
		return p, err
	}
	p.connects = float64(n) / took.Seconds()
	_, idle, err := m.memory(ctx)
	if err != nil {
		return p, err
	}
	p.idle = float64(idle-empty) / 1024 / float64(n)
	if _, _, err := m.deliver(m.burst(warmUpPayloads/10, time.Minute)); err != nil {
		return p, err
	}
	var all, p99 []time.Duration
	var cpu, busy, delivering time.Duration
	for range c.Ticks {
		got, used, err := m.deliver(m.burst(1, time.Minute))
		if err != nil {
			return p, err
		}
		if got.Deliveries == 0 {
			return p, errors.New("nobody got a tick")
		}
		all, p99 = append(all, got.Max), append(p99, got.P99)
		cpu, busy, delivering = cpu+used, busy+got.CPU, delivering+got.Took
		p.lost += got.Lost
		p.totalDeliver += got.Deliveries
		p.worst = max(p.worst, got.Max)
		if err := sleep(ctx, max(c.Every-got.Took, 0)); err != nil {
			return p, err
		}
	}
	p.all, p.p99 = median(all), median(p99)
	p.cpu = cpu.Seconds() / float64(p.totalDeliver) * 1e6
	p.crowdBusy = busy.Seconds() / delivering.Seconds() / float64(m.driver.CPUs)
	return p, nil
}

// line fits a line through the points by least squares: milliseconds a client, milliseconds for none, and how much of what differs
// it explains.
func line(points []point) (slope, base, fit float64) {
	var n, x, y, xx, xy, yy float64
	for _, p := range points {
		px, py := float64(p.clients), p.all.Seconds()*1000
		n, x, y, xx, xy, yy = n+1, x+px, y+py, xx+px*px, xy+px*py, yy+py*py
	}
	sx, sy, sxy := n*xx-x*x, n*yy-y*y, n*xy-x*y
	if sx == 0 || sy == 0 {
		return 0, y / max(n, 1), 1
	}
	slope = sxy / sx
	return slope, (y - slope*x) / n, sxy * sxy / (sx * sy)
}
