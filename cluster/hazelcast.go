package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options tell a Hazelcast where its members are and what it says of this node. Only Addresses must be set.
type Options struct {
	// Addresses are host:port of one member or more. The others are found through them.
	Addresses []string
	// Cluster is the name that the members were given. The default is pulsewall.
	Cluster string
	// User and Password are for members that ask for them.
	User, Password string
	// Secret is what nodes know who may open links to each other, and Address, http(s)://host:port, is where the others reach this
	// one. Without a secret, and between two nodes without an address, frames of channels go by topic.
	Secret, Address string
	// Status returns what the other nodes are to know of this one, 4 KiB at most. It is called every 3 s and must not
	// block. The default says nothing.
	Status func() []byte
	// Answer answers questions of other nodes, MaxAnswer bytes at most; nil: it gives none. It is called by several goroutines at
	// a time. The default gives none.
	Answer func(question []byte) []byte
	// Now is the clock that times sent to other nodes are taken from. The default is time.Now.
	Now func() time.Time
	// Logger is told when the node is degraded and when it has recovered. The default discards that.
	Logger *slog.Logger
}

func (o Options) withDefaults() Options {
	if o.Cluster == "" {
		o.Cluster = "pulsewall"
	}
	if o.Status == nil {
		o.Status = func() []byte { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// ParseAddress reads hazelcast://[user:password@]host:port,host:port/name. A host without a port means 5701.
func ParseAddress(s string) (Options, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "hazelcast" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return Options{}, badAddress(s)
	}
	var o Options
	for host := range strings.SplitSeq(u.Host, ",") {
		if _, _, err := net.SplitHostPort(host); err != nil {
			host = net.JoinHostPort(strings.Trim(host, "[]"), "5701")
		}
		if strings.HasPrefix(host, ":") {
			return Options{}, fmt.Errorf("%w; a host is missing", badAddress(s))
		}
		o.Addresses = append(o.Addresses, host)
	}
	o.Cluster = strings.Trim(u.Path, "/")
	o.User = u.User.Username()
	o.Password, _ = u.User.Password()
	return o.withDefaults(), nil
}

// callTimeout ends every call to a member: a hung one shows no other sign for long.
const callTimeout = time.Second

// errAlone reports a call that was not made because no member can be reached.
var errAlone = errors.New("cluster: this node is alone")

// Hazelcast is the cluster of all nodes that are connected to the same Hazelcast members.
type Hazelcast struct {
	node        string
	incarnation string
	opts        Options
	handler     Handler
	link        atomic.Pointer[link] // nil while no member can be reached
	roundTrip   atomic.Int64         // nanoseconds of the last heartbeat
	changed     chan struct{}        // size 1: the handler is to be told of a change

	*messages
	*nodes
	*presence
	*readings
	*relay
	far *far
}

// NewHazelcast returns a cluster over Hazelcast members. Nothing is connected until Run.
func NewHazelcast(node string, handler Handler, opts Options) *Hazelcast {
	h := &Hazelcast{
		node: node, incarnation: incarnationOf(node), opts: opts.withDefaults(), handler: handler,
		changed: make(chan struct{}, 1),
	}
	h.messages = newMessages(h)
	h.nodes = newNodes(h)
	h.presence = newPresence(h)
	h.readings = newReadings(h)
	h.relay = newRelay(h.incarnation)
	h.far = newFar(h, h.relay)
	h.relay.far = h.far
	return h
}

// badAddress refuses an address without telling the secret in it.
func badAddress(s string) error {
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		s = "***" + s[at:]
	}
	return fmt.Errorf("cluster address %q: want hazelcast://host:port,host:port/name", s)
}

// Run connects in the background, again and again until ctx ends; the node is degraded while it has no member.
func (h *Hazelcast) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for _, part := range []func(context.Context){
		h.messages.run, h.messages.tellCopied, h.nodes.run, h.presence.run, h.readings.run, h.readings.fetch, h.tell,
		h.far.run, h.far.find, h.far.tend,
	} {
		running.Go(func() { part(ctx) })
	}
	// The connection outlives the parts: they say goodbye through it.
	linked, unlink := context.WithCancel(context.WithoutCancel(ctx))
	var linking sync.WaitGroup
	linking.Go(func() { h.keepLinked(linked) })
	running.Wait()
	unlink()
	linking.Wait()
	return nil
}

// Node returns the node's name.
func (h *Hazelcast) Node() string { return h.node }

// do makes one call, or several that belong together, with a deadline.
func (h *Hazelcast) do(ctx context.Context, call func(context.Context, *link) error) error {
	l := h.link.Load()
	if l == nil {
		return errAlone
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return l.try(ctx, func(ctx context.Context) error { return call(ctx, l) })
}

// change tells the handler, soon, that something is other than it was.
func (h *Hazelcast) change() { ring(h.changed) }

// tell passes changes on, so that no part of the cluster calls the handler while it holds a lock.
func (h *Hazelcast) tell(ctx context.Context) {
	for {
		select {
		case <-h.changed:
			h.handler.Changed()
		case <-ctx.Done():
			return
		}
	}
}

// ring rings a bell, which is a channel of size 1.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

var (
	_ Cluster = (*Local)(nil)
	_ Cluster = (*Hazelcast)(nil)
)
