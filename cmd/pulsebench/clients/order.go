//go:build linux

// Package clients is the crowd that pulsebench sends to a server: thousands of raw clients in a process of their own, read by
// one epoll loop a processor, so that they cost little beside what is measured. They speak just enough of WebSocket,
// server-sent events and long polls, and check that each got every payload once and in order.
package clients

import (
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// Order is what a crowd is told to do next.
type Order struct {
	Open    *Open    // have clients come
	Publish *Publish // publish and count what comes
	Stall   int      // so many clients, of those that read, stop reading
	Resume  bool     // they read again, for as long as something comes
}

// Open has clients come. There may be one in the life of a crowd.
type Open struct {
	Transport compare.Transport
	Stream    compare.Stream
	Clients   int
}

// Publish has payloads published at a pace, or back to back.
type Publish struct {
	URL  string
	Size int // bytes of a payload
	// Count is how many, Every the time from one to the next. Without Every they go out back to back for as long as For, or
	// until there were Count, while at most Window are not with all clients yet.
	Count    int
	Every    time.Duration
	For      time.Duration
	Window   int
	Patience time.Duration // for how long nothing may come until what did not come is lost
}

// Answer is what came of an order.
type Answer struct {
	Error string // of an order that could not be carried out

	Took time.Duration // of clients to come; of payloads from the first one's leaving until the last has come
	CPU  time.Duration // that the crowd took meanwhile

	Published  int
	Deliveries int64
	Lost       int64 // payloads that a client did not get
	Spared     int64 // those that it did not get since there was a newer one
	Doubled    int64
	Disordered int64
	Dropped    int   // clients that the server let go of
	Bytes      int64 // that came, with all framing
	P50        time.Duration
	P99        time.Duration
	Max        time.Duration
}
