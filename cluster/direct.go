package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// LinkPath is the address at which nodes open links to each other.
const LinkPath = "/nodes/link"

const (
	// linkBatch is how many bytes go over a link in one message.
	linkBatch = 64 << 10
	// linkPing is how often a link is pinged, linkQuiet after how long without a sign it is dead.
	linkPing, linkQuiet = 3 * time.Second, 20 * time.Second
	// linkWrite is how long a write may move nothing.
	linkWrite = 5 * time.Second
	// dialWithin is how long a link may take to open.
	dialWithin = 5 * time.Second
	// lastsFor is how long a link must have been there for the next try to come soon.
	lastsFor = 10 * time.Second
)

var linkOptions = wsconn.Options{ReadLimit: linkBatch + mostHead, WriteTimeout: linkWrite, Binary: true}

// direct is an open link to another node.
type direct struct {
	*outbox
	conn *wsconn.Conn
}

// hold uses a connection as the link to a neighbour until it breaks, or the neighbour is gone.
func (n *neighbours) hold(b *neighbour, conn *wsconn.Conn) error {
	ctx, cancel := context.WithCancelCause(b.life)
	defer cancel(nil)
	l := &direct{outbox: newOutbox(ctx.Done()), conn: conn}
	if old := b.link.Swap(l); old != nil { // the other side knows that it is broken
		old.conn.CloseNow()
	}
	var running sync.WaitGroup
	running.Go(func() { cancel(n.read(b, conn)) })
	running.Go(func() { cancel(conn.Tend(ctx, linkPing, linkQuiet)) })
	running.Go(func() { cancel(l.pump(ctx, newBatch(n.far.h.incarnation, ""), linkBatch, conn.Send)) })
	<-ctx.Done()
	b.link.CompareAndSwap(l, nil)
	for _, r := range n.far.relay.all() {
		r.nudge(b.incarnation)
	}
	conn.CloseNow()
	running.Wait()
	return context.Cause(ctx)
}

// read takes what comes over a link.
func (n *neighbours) read(b *neighbour, conn *wsconn.Conn) error {
	for {
		p, err := conn.Read()
		if err != nil {
			return fmt.Errorf("link to %s: %w", b.incarnation, err)
		}
		batch, err := parseBatch(p, n.far.h.incarnation)
		if err == nil && batch.incarnation != b.incarnation {
			err = fmt.Errorf("%w: it calls itself %s", errFrame, batch.incarnation)
		}
		if err != nil {
			return fmt.Errorf("link to %s: %w", b.incarnation, err)
		}
		n.far.deliver(batch)
	}
}

// dial opens the link to a neighbour and holds it.
func (n *neighbours) dial(b *neighbour) {
	n.mu.Lock()
	address := b.address
	n.mu.Unlock()
	conn, err := n.open(b, address)
	begun := time.Now()
	log := n.far.h.opts.Logger
	if err == nil {
		err = n.hold(b, conn)
	}
	lasted := time.Since(begun) > lastsFor
	n.mu.Lock()
	first := b.pause == 0
	b.pause = min(max(2*b.pause, redialFirst), redialMost)
	if lasted {
		b.pause = redialFirst
	}
	b.next, b.dialling = time.Now().Add(b.pause), false
	n.mu.Unlock()
	if (first || lasted) && b.life.Err() == nil {
		log.Warn("no link to a node, frames of channels go by topic", "node", nodeOf(b.incarnation), "err", err)
	}
}

// errRefused is what a node says to a proof that is none for it.
var errRefused = errors.New("it does not accept this node's secret: --node-secret must be the same on all nodes, and its --node-address lead to itself")

// open makes the two requests of a handshake: one to be challenged, one with the proof.
func (n *neighbours) open(b *neighbour, address string) (*wsconn.Conn, error) {
	ctx, cancel := context.WithTimeout(b.life, dialWithin)
	defer cancel()
	url := strings.TrimSuffix(address, "/") + LinkPath
	conn, response, err := wsconn.Dial(ctx, url, wsconn.DialOptions{Options: linkOptions})
	if err == nil {
		conn.CloseNow()
		return nil, errors.New("it takes a link from anybody")
	}
	if response == nil || response.Header.Get(challengeHeader) == "" {
		return nil, err
	}
	d := deal{
		secret: n.far.h.opts.Secret, challenge: response.Header.Get(challengeHeader), nonce: newNonce(),
		caller: n.far.h.incarnation, called: b.incarnation,
	}
	if conn, response, err = wsconn.Dial(ctx, url, wsconn.DialOptions{Options: linkOptions, Header: d.header()}); err != nil {
		if response != nil && response.Header.Get(challengeHeader) != "" {
			return nil, errRefused
		}
		return nil, err
	}
	if !same(response.Header.Get(proofHeader), d.proof("called")) {
		conn.CloseNow()
		return nil, errors.New("it does not know the secret")
	}
	return conn, nil
}

// ServeLink takes a link of another node and returns when it has ended. Before it has answered r it returns ErrNoLinks, where this node
// has no secret, or ErrStranger; then the caller answers, with the header that is set.
func (y *relay) ServeLink(w http.ResponseWriter, r *http.Request) error {
	if y.far == nil || y.far.h.opts.Secret == "" {
		return ErrNoLinks
	}
	n := y.far.neighbours
	d, err := n.check(r)
	if err != nil {
		w.Header().Set(challengeHeader, n.used.challenge(time.Now()))
		return err
	}
	leave, entered := n.enter()
	if !entered {
		return ErrNoLinks
	}
	defer leave()
	w.Header().Set(proofHeader, d.proof("called"))
	conn, err := wsconn.Accept(w, r, linkOptions)
	if err != nil {
		return nil // it has been answered
	}
	_ = n.hold(n.of(d.caller), conn) // the caller tells, and dials again
	return nil
}
