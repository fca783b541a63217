//go:build linux

// Package ours holds the servers of the comparison that are no peers: the plain write loop that all are measured by, and
// pulsewall itself. Each runs in a process of pulsebench.
package ours

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// Raw is what the plain write loop is called.
const Raw = "raw"

// Readings is the name of the hub alone, which spares clients all but the newest payload.
const Readings = "pulsewall-readings"

// server is one of ours.
type server struct {
	name    string
	program string // that serves it when it is called with args and the name
	args    []string
	serve   func(ctx context.Context, out io.Writer) error
	streams func(addr string) map[compare.Transport]compare.Stream
	order   []compare.Transport
	keeps   int
}

// Servers are ours, the plain loop first. program must call Serve with the last of its arguments.
func Servers(program string, args ...string) []compare.Server {
	list := make([]compare.Server, 0, len(all))
	for _, s := range all {
		s.program, s.args = program, args
		list = append(list, s)
	}
	return list
}

var all = []server{
	{
		name: Raw, serve: serveRaw, order: []compare.Transport{compare.WebSocket, compare.SSE},
		streams: func(addr string) map[compare.Transport]compare.Stream {
			return map[compare.Transport]compare.Stream{
				compare.WebSocket: {URL: "http://" + addr + rawSocket}, compare.SSE: {URL: "http://" + addr + rawEvents},
			}
		},
	},
	{
		name: "pulsewall", serve: serveProduct, order: []compare.Transport{compare.WebSocket, compare.SSE, compare.LongPoll}, keeps: keptMessages,
		streams: func(addr string) map[compare.Transport]compare.Stream {
			return map[compare.Transport]compare.Stream{
				compare.WebSocket: {URL: "http://" + addr + "/live/ws", Ready: `"hello"`, Before: `"data":"`},
				compare.SSE:       {URL: "http://" + addr + "/live/sse", Ready: `"heartbeat"`, Before: `"data":"`},
				compare.LongPoll:  {URL: "http://" + addr + "/live/poll?wait=25", Before: `"data":"`},
			}
		},
	},
	{
		name: Readings, serve: serveReadings, order: []compare.Transport{compare.WebSocket, compare.SSE},
		streams: func(addr string) map[compare.Transport]compare.Stream {
			return map[compare.Transport]compare.Stream{
				compare.WebSocket: {URL: "http://" + addr + "/live/ws", Ready: `"hello"`, Before: `"page":"`, Newest: true},
				compare.SSE:       {URL: "http://" + addr + "/live/sse", Ready: `"heartbeat"`, Before: `"page":"`, Newest: true},
			}
		},
	},
}

func (s server) Name() string                    { return s.name }
func (s server) Version() string                 { return runtime.Version() }
func (s server) Transports() []compare.Transport { return s.order }

// Start starts the server in a process of its own.
func (s server) Start(ctx context.Context, cpus []int) (*compare.Process, error) {
	child, err := compare.Spawn(ctx, compare.Command{Path: s.program, Args: append(s.args[:len(s.args):len(s.args)], s.name), CPUs: cpus})
	if err != nil {
		return nil, err
	}
	addr, err := child.Line(ctx, reached)
	if err != nil {
		child.Stop()
		return nil, err
	}
	control, err := child.Line(ctx, controlled)
	if err != nil {
		child.Stop()
		return nil, err
	}
	return &compare.Process{
		PID: child.PID, Publish: "http://" + control + "/publish", GC: "http://" + control + "/gc", Profile: "http://" + control + profiles, Streams: s.streams(addr), Keeps: s.keeps,
		Stop: child.Stop,
	}, nil
}

// Serve is one of our servers until ctx ends, with samples of its memory for profiles or without. It says on out where it listens.
func Serve(ctx context.Context, name string, profiles bool, out io.Writer) error {
	if name != Raw { // as cmd/pulsewall does
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
	if !profiles {
		runtime.MemProfileRate = 0 // as in a program that has no profiles
	}
	for _, s := range all {
		if s.name == name {
			return s.serve(ctx, out)
		}
	}
	return fmt.Errorf("no server %q", name)
}
