//go:build linux

// Package compare knows the servers that pulsebench compares: how each is started on processors of its own, how its clients
// speak, and what it takes of the machine. What all of them do is hand each published payload to every client.
//
// A payload begins with when it was published, in Unix nanoseconds, a space, its number, counted from 1, and a space; all in
// decimal. What fills it up to its size needs no escape in JSON.
package compare

import (
	"context"
	"errors"
	"time"
)

// Transport is how clients get what is published.
type Transport string

// The transports of the comparison.
const (
	WebSocket Transport = "WebSocket"
	SSE       Transport = "SSE"
	LongPoll  Transport = "long poll"
)

// ErrMissing reports that this machine lacks what a server needs. It is wrapped with what that is; the server is left out of
// the table by name, with this reason.
var ErrMissing = errors.New("not here")

// Server is one of those that are compared.
type Server interface {
	// Name is what the table calls it.
	Name() string
	// Version tells what exactly was measured: of the library or the program, and of its runtime where that is another. It is
	// asked for after Start.
	Version() string
	// Transports are those that it serves; Start's Process has a Stream for each.
	Transports() []Transport
	// Start starts it on free ports of 127.0.0.1, with all its processes on the given processors and no others, and returns
	// when it takes clients. The caller must Stop the process. ErrMissing: it cannot be started here.
	Start(ctx context.Context, cpus []int) (*Process, error)
}

// Process is a server that runs. It leads a process group, whose processes count as its own.
type Process struct {
	PID     int
	Publish string // takes a payload of at most 64 KiB by POST, and answers 2xx at once or when it has been handed out
	GC      string // collects all garbage by POST and gives the memory back; empty: there is none
	Profile string // where net/http/pprof serves; empty: nowhere
	Streams map[Transport]Stream
	// Keeps is how many of the last payloads the server keeps for clients that come back. As many are published before its memory is
	// read, so that they are not taken for the clients' cost.
	Keeps int
	// WarmUp is how long the server is driven before it is measured, if its runtime compiles what runs often; 0: as briefly as usual.
	WarmUp time.Duration
	Stop   func() // ends it and waits for it; may be called once
}

// Stream is how a client of one transport comes and what it gets.
type Stream struct {
	URL string // http://…, of a WebSocket too. A long poll's has a query; &after= and the cursor that came last follow it
	// Hello is the text message that a client of a WebSocket sends after the handshake; empty: none.
	Hello string
	// Ready is a text that only the message holds with which the client has arrived; empty: it has with the handshake.
	Ready string
	// Before stands in a message directly before each payload, of which there may be several; empty: a message is a payload.
	Before string
	// Ping is a text message that a client of a WebSocket answers by Pong; empty: there is none. Ping frames are always answered.
	Ping, Pong string
	// Newest says that a client may be spared a payload when there is a newer one: what it did not get is not lost.
	Newest bool
}
