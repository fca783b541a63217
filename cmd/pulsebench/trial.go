//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

const (
	// warmUpPayloads are published before anything is measured, so that what is compiled or allocated on first need is there.
	warmUpPayloads = 100
	warmUpFor      = 2 * time.Second
	// collections are how often a server collects before its memory is read: what a pool holds takes two.
	collections = 2
	// fillFor bounds how long a server's memory of payloads is filled.
	fillFor = time.Minute
)

// entrant is a server with one of its transports.
type entrant struct {
	server    compare.Server
	transport compare.Transport
}

// arena is where an entrant is measured: one process of the server, one of its clients, each on processors of its own.
type arena struct {
	serverCPUs, clientCPUs []int
	program                string // this one, which can be the clients' process
	patience               time.Duration
	settle                 time.Duration // how long a server is left alone before its memory is read
	fill                   bool          // what it remembers, before its memory is read
	profiles               string        // the folder for profiles of servers that have some; empty: none are taken
}

// match is one entrant that runs, with the process of its clients.
type match struct {
	arena
	entrant
	process *compare.Process
	driver  *clients.Driver
	size    int
	window  int
}

// firstClients are how many come and go before a server's memory is read without clients, so that what the first ones have it allocate, once
// and for all, is no cost of a connection.
const firstClients = 100

// begin starts an entrant and its clients' process, fills what it remembers, and has some clients come and go. The caller must end it.
func (a arena) begin(ctx context.Context, e entrant, size, window int) (*match, error) {
	p, err := e.server.Start(ctx, a.serverCPUs)
	if err != nil {
		return nil, err
	}
	m := &match{arena: a, entrant: e, process: p, size: size, window: window}
	if m.driver, err = clients.Start(ctx, a.program, []string{"clients"}, a.clientCPUs); err != nil {
		p.Stop()
		return nil, err
	}
	if p.Keeps > 0 && a.fill {
		_, err = m.driver.Do(clients.Order{Publish: m.burst(p.Keeps, fillFor)})
	}
	if err == nil {
		err = m.visit(ctx)
	}
	if err != nil {
		m.end()
		return nil, fmt.Errorf("before the measurement: %w", err)
	}
	return m, nil
}

// visit has the first clients come and go.
func (m *match) visit(ctx context.Context) error {
	first, err := clients.Start(ctx, m.program, []string{"clients"}, m.clientCPUs)
	if err != nil {
		return err
	}
	defer first.Stop()
	_, err = first.Do(clients.Order{Open: &clients.Open{
		Transport: m.transport, Stream: m.process.Streams[m.transport], Clients: firstClients,
	}})
	return err
}

func (m *match) end() {
	m.driver.Stop()
	m.process.Stop()
}

// burst is an order to publish back to back.
func (m *match) burst(count int, during time.Duration) *clients.Publish {
	return &clients.Publish{URL: m.process.Publish, Size: m.size, Count: count, For: during, Window: m.window, Patience: m.patience}
}

// open has clients come and returns how long it took until all were ready.
func (m *match) open(count int) (took time.Duration, err error) {
	a, err := m.driver.Do(clients.Order{Open: &clients.Open{
		Transport: m.transport, Stream: m.process.Streams[m.transport], Clients: count,
	}})
	return a.Took, err
}

// warmUp is an order to publish what is not measured.
func (m *match) warmUp() *clients.Publish {
	if m.process.WarmUp > 0 {
		return m.burst(mostBurst, m.process.WarmUp)
	}
	return m.burst(warmUpPayloads, warmUpFor)
}

// deliver publishes, and returns what came of it and what it took of the server's processors.
func (m *match) deliver(p *clients.Publish) (clients.Answer, time.Duration, error) {
	before, err := compare.CPUOf(m.process.PID)
	if err != nil {
		return clients.Answer{}, 0, err
	}
	a, err := m.driver.Do(clients.Order{Publish: p})
	if err != nil {
		return a, 0, err
	}
	after, err := compare.CPUOf(m.process.PID)
	return a, after - before, err
}

// memory returns what the server takes, with its garbage and without.
func (m *match) memory(ctx context.Context) (with, without int64, err error) {
	time.Sleep(m.settle)
	u, err := compare.UsageOf(m.process.PID)
	if err != nil {
		return 0, 0, err
	}
	with, without = u.Own, u.Own
	if m.process.GC == "" {
		return with, without, nil
	}
	for range collections {
		if err := collect(ctx, m.process.GC); err != nil {
			return 0, 0, err
		}
	}
	u, err = compare.UsageOf(m.process.PID)
	return with, u.Own, err
}

func collect(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return errors.New("collect garbage: " + answer.Status)
	}
	return nil
}
