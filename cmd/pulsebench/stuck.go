//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
)

// stuck is a fan-out in which some clients stop reading. The same is published before, with nobody stuck.
type stuck struct {
	Clients int
	Stuck   int
	Size    int           // bytes of a payload
	Pushes  int           // payloads that those who are stuck miss
	Every   time.Duration // 0: back to back
	Window  int
}

// stuckFigures are what came of it.
type stuckFigures struct {
	memory        int64 // bytes that the server grew by, after it had stopped growing with nobody stuck
	before, after time.Duration
	lost          int64 // of those who went on reading
	dropped       int   // of those who did not
	held          bool  // the others got nothing more once some were stuck
}

// A server is pushed with nobody stuck until it no longer grows, as it does at first; so often at most.
const (
	mostFree     = 3
	freeShare    = 4 // of the pushes, one in so many is enough with nobody stuck
	stillGrowing = 1 << 20
)

func (s stuck) run(ctx context.Context, a arena, e entrant) (stuckFigures, error) {
	var out stuckFigures
	m, err := a.begin(ctx, e, s.Size, s.Window)
	if err != nil {
		return out, err
	}
	defer m.end()
	if _, err := m.open(s.Clients); err != nil {
		return out, fmt.Errorf("have clients come: %w", err)
	}
	if _, err := m.driver.Do(clients.Order{Publish: m.warmUp()}); err != nil {
		return out, err
	}
	_, empty, err := m.memory(ctx)
	if err != nil {
		return out, err
	}
	free, grown := empty, int64(stillGrowing)
	for n := 0; n < mostFree && grown >= stillGrowing; n++ {
		got, now, err := s.push(ctx, m, max(s.Pushes/freeShare, 1))
		if err != nil {
			return out, err
		}
		out.before, out.lost = got.P99, out.lost+got.Lost
		free, grown = now, now-free
	}
	if _, err := m.driver.Do(clients.Order{Stall: s.Stuck}); err != nil {
		return out, err
	}
	got, full, err := s.push(ctx, m, s.Pushes)
	if err != nil {
		return out, err
	}
	out.after, out.lost, out.held = got.P99, out.lost+got.Lost, got.Published < s.Pushes
	out.memory = full - free
	again, err := m.driver.Do(clients.Order{Resume: true})
	out.dropped = again.Dropped
	return out, err
}

// push publishes and returns what came of it, and the server's memory after it.
func (s stuck) push(ctx context.Context, m *match, pushes int) (a clients.Answer, memory int64, err error) {
	how := m.burst(pushes, 10*time.Minute)
	how.Every = s.Every
	if a, err = m.driver.Do(clients.Order{Publish: how}); err != nil {
		return a, 0, err
	}
	_, memory, err = m.memory(ctx)
	return a, memory, err
}
