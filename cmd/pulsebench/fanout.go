//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
)

// fanout is what is done with each entrant in each repetition.
type fanout struct {
	Clients   int
	Size      int           // bytes of a payload
	Rate      int           // payloads a second while they are paced
	Paced     time.Duration // how long they are
	Saturated time.Duration // how long they go out back to back
	Window    int           // then: how many are not with all clients yet
}

// figures are what came of it.
type figures struct {
	connects   float64 // a second
	garbage    float64 // KiB a connection, idle, with garbage
	idle       float64 // without
	after      float64 // without, after load
	paced      measured
	saturated  measured
	lost       int64 // in all
	doubled    int64
	disordered int64
	dropped    int
}

// measured is one phase.
type measured struct {
	cpu        float64 // seconds of the server's processors for a million deliveries
	rate       float64 // deliveries a second
	current    float64 // payloads a second until all clients had the last one
	p50, p99   time.Duration
	max        time.Duration
	bytes      float64 // a delivery
	server     float64 // part of its processors that the server took
	clients    float64 // likewise
	spared     float64 // part of the payloads that a newer one replaced
	published  int
	deliveries int64
}

func (m *match) measured(a clients.Answer, cpu time.Duration) measured {
	n := max(float64(a.Deliveries), 1)
	return measured{
		cpu: cpu.Seconds() / n * 1e6, rate: float64(a.Deliveries) / a.Took.Seconds(), p50: a.P50, p99: a.P99, max: a.Max,
		bytes: float64(a.Bytes) / n, published: a.Published, deliveries: a.Deliveries, spared: float64(a.Spared) / (n + float64(a.Spared)),
		current: float64(a.Published) / a.Took.Seconds(),
		server:  cpu.Seconds() / a.Took.Seconds() / float64(len(m.serverCPUs)), clients: a.CPU.Seconds() / a.Took.Seconds() / float64(m.driver.CPUs),
	}
}

// run measures an entrant once.
func (f fanout) run(ctx context.Context, a arena, e entrant) (figures, error) {
	var out figures
	m, err := a.begin(ctx, e, f.Size, f.Window)
	if err != nil {
		return out, err
	}
	defer m.end()
	_, empty, err := m.memory(ctx)
	if err != nil {
		return out, err
	}
	profile := m.profile(ctx, "connect", connectProfile)
	took, err := m.open(f.Clients)
	if err = errors.Join(err, profile()); err != nil {
		return out, fmt.Errorf("have clients come: %w", err)
	}
	out.connects = float64(f.Clients) / took.Seconds()
	with, idle, err := m.memory(ctx)
	if err != nil {
		return out, err
	}
	each := func(bytes int64) float64 { return float64(bytes-empty) / 1024 / float64(f.Clients) }
	out.garbage, out.idle = each(with), each(idle)
	if err := m.profile(ctx, "idle", 0)(); err != nil {
		return out, err
	}
	if err := f.load(ctx, m, &out); err != nil {
		return out, err
	}
	_, after, err := m.memory(ctx)
	out.after = each(after)
	return out, err
}

// load publishes, at a pace and back to back.
func (f fanout) load(ctx context.Context, m *match, out *figures) error {
	pace := time.Second / time.Duration(f.Rate)
	for _, phase := range []struct {
		what   string
		how    *clients.Publish
		during time.Duration
		into   *measured
	}{
		{"first", m.warmUp(), 0, nil},
		{"paced", &clients.Publish{
			URL: m.process.Publish, Size: f.Size, Count: max(int(f.Paced/pace), 1), Every: pace, Patience: m.patience,
		}, f.Paced, &out.paced},
		{"saturated", m.burst(mostBurst, f.Saturated), f.Saturated, &out.saturated},
	} {
		profile := m.profile(ctx, phase.what, phase.during)
		a, cpu, err := m.deliver(phase.how)
		if err = errors.Join(err, profile()); err != nil {
			return fmt.Errorf("%s payloads: %w", phase.what, err)
		}
		if phase.into != nil {
			*phase.into = m.measured(a, cpu)
		}
		out.lost += a.Lost
		out.doubled += a.Doubled
		out.disordered += a.Disordered
		out.dropped += a.Dropped
	}
	return nil
}

// mostBurst bounds what is published back to back.
const mostBurst = 200_000
