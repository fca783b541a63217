//go:build linux

package compare

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"
)

// Peers returns the systems that people would pick instead, whose programs are in the folder source. What a peer needs is
// got when it is first prepared or started, from where its own tools get things, and kept in the user's cache: that may take a
// minute.
func Peers(source string) []Server {
	texts := map[Transport]Stream{WebSocket: {URL: "/ws"}}
	events := map[Transport]Stream{SSE: {URL: "/sse"}}
	return []Server{
		&peer{name: "nhooyr, chat example", streams: texts, prepare: goProgram(source, "nhooyr")},
		&peer{name: "gorilla, prepared messages", streams: texts, prepare: goProgram(source, "gorilla")},
		&peer{name: "gws, Broadcaster", streams: texts, prepare: goProgram(source, "gws")},
		&peer{name: "net/http, event stream", streams: events, prepare: goProgram(source, "nethttp")},
		&peer{name: "centrifuge", streams: centrifugeStreams(), prepare: goProgram(source, "centrifuge")},
		&peer{name: "mercure", streams: events, prepare: goProgram(source, "mercure")},
		&peer{name: "Netty, NIO", streams: texts, prepare: netty(source, "nio"), warmUp: compiling},
		&peer{name: "Netty, epoll", streams: texts, prepare: netty(source, "epoll"), warmUp: compiling},
		&peer{name: "ws on Node", streams: texts, prepare: node(source, "ws.js")},
		&peer{name: "ws on Node, 2 processes", streams: texts, prepare: node(source, "crowd.js")},
		&peer{name: "socket.io", streams: socketIOStreams(), prepare: node(source, "socketio.js")},
		nchan{source: source},
	}
}

// compiling is how long a JVM takes until what sends is compiled for good: before, it takes twice the processor time.
const compiling = 4 * time.Second

// centrifugeStreams speak the library's client protocol in JSON: the server subscribes who connects.
func centrifugeStreams() map[Transport]Stream {
	const hello, arrived, before = `{"id":1,"connect":{}}`, `"connect":{"client"`, `"pub":{"data":"`
	return map[Transport]Stream{
		WebSocket: {URL: "/ws", Hello: hello, Ready: arrived, Before: before, Ping: "{}", Pong: "{}"},
		SSE:       {URL: "/sse?" + url.Values{"cf_connect": {hello}}.Encode(), Ready: arrived, Before: before},
	}
}

// socketIOStreams speak Engine.IO 4 and in it Socket.IO 5, of which each packet is one text.
func socketIOStreams() map[Transport]Stream {
	return map[Transport]Stream{WebSocket: {
		URL: "/socket.io/?EIO=4&transport=websocket", Hello: "40", Ready: "40{", Before: `42["m","`, Ping: "2", Pong: "3",
	}}
}

// peer is a program that tells its version and where it listens, and has /publish and /gc.
type peer struct {
	name    string
	version string
	streams map[Transport]Stream                       // with paths as URLs
	prepare func(ctx context.Context) (Command, error) // gets what it needs, unless it is there
	warmUp  time.Duration
}

func (p *peer) Name() string            { return p.name }
func (p *peer) Version() string         { return p.version }
func (p *peer) Transports() []Transport { return transportsOf(p.streams) }

// Prepare gets what the peer needs, so that Start need not.
func (p *peer) Prepare(ctx context.Context) error {
	_, err := p.prepare(ctx)
	return err
}

func (p *peer) Start(ctx context.Context, cpus []int) (*Process, error) {
	command, err := p.prepare(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	command.CPUs = cpus
	child, err := Spawn(ctx, command)
	if err != nil {
		return nil, err
	}
	addr, err := child.Line(ctx, "listening ")
	if err == nil {
		p.version, err = child.Line(ctx, "version ")
	}
	if err != nil {
		child.Stop()
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	base := "http://" + addr
	process := &Process{
		PID: child.PID, Publish: base + "/publish", GC: base + "/gc", Streams: streamsAt(base, p.streams), WarmUp: p.warmUp,
		Stop: child.Stop,
	}
	if err := visit(ctx, process); err != nil {
		child.Stop()
		return nil, fmt.Errorf("%s: its first clients: %w", p.name, err)
	}
	return process, nil
}

func transportsOf(streams map[Transport]Stream) []Transport {
	all := []Transport{WebSocket, SSE, LongPoll}
	return slices.DeleteFunc(all, func(t Transport) bool {
		_, has := streams[t]
		return !has
	})
}

// streamsAt returns the streams with whole addresses.
func streamsAt(base string, streams map[Transport]Stream) map[Transport]Stream {
	whole := make(map[Transport]Stream, len(streams))
	for t, s := range streams {
		s.URL = base + s.URL
		whole[t] = s
	}
	return whole
}
