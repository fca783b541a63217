// Package wsconn is the one place that knows the WebSocket library: handshake, reads, pings and closes are the library's, data
// frames are prepared by the caller and written directly. It mends what the library leaves out of RFC 6455 and RFC 7692.
package wsconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"nhooyr.io/websocket"

	"github.com/pulsewall/pulsewall/transport/ready"
)

// Close codes (RFC 6455, 7.4; 4000–4999 are ours).
const (
	GoingAway      = 1001
	ProtocolError  = 1002
	Unsupported    = 1003 // binary where text is spoken, or the other way round
	NotUTF8        = 1007
	TooBig         = 1009
	InternalError  = 1011
	ServiceRestart = 1012
	WrongFrames    = 4400 // too many wrong frames in a row
	TokenEnded     = 4401
	Withdrawn      = 4403 // a right was
	TooSlow        = 4408
	Replaced       = 4409 // by a newcomer of the same name
)

// Options of a connection.
type Options struct {
	Subprotocol  string        // chosen when the client offers it; offered when dialling
	ReadLimit    int64         // bytes of a message; more closes 1009
	WriteTimeout time.Duration // without any movement
	Binary       bool          // speaks binary messages: text closes 1003; else text, and binary closes 1003

	// Poller says when there is something to read; then Receive and Beat are used, and not Read, Tend and Ping, and the answer to the
	// handshake goes out with the first frame, or when Receive is called.
	Poller    *ready.Poller
	PingEvery time.Duration // with a Poller; the default is 15 s
	Quiet     time.Duration // with a Poller: how long a peer may be; the default is 35 s
}

// compression is offered, or taken when offered. Binary messages are mostly compressed by whoever makes them.
func (o Options) compression() websocket.CompressionMode {
	if o.Binary {
		return websocket.CompressionDisabled
	}
	return websocket.CompressionNoContextTakeover
}

// Conn is a WebSocket, accepted or dialled, that speaks text or binary messages. All methods may be called concurrently, Read by one
// goroutine.
type Conn struct {
	lib      *websocket.Conn // nil: parked
	parked   *parked         // nil: the library's
	socket   *socket
	speaks   websocket.MessageType
	form     func(first byte, payload []byte) []byte // frame or maskedFrame
	deflated bool

	poller  *ready.Poller // nil: of one that is read, tended and pinged by the caller
	every   time.Duration // between pings
	longest time.Duration // that the peer may be quiet
	pinged  atomic.Int64  // Unix nanoseconds
}

// newConn is what Accept and Dial return.
func newConn(lib *websocket.Conn, s *socket, opts Options) *Conn {
	if lib != nil {
		lib.SetReadLimit(opts.ReadLimit)
	}
	c := &Conn{
		lib: lib, socket: s, speaks: websocket.MessageText, form: frame,
		poller: opts.Poller, every: cmp.Or(opts.PingEvery, 15*time.Second), longest: cmp.Or(opts.Quiet, 35*time.Second),
	}
	c.pinged.Store(s.heard.Load())
	if opts.Binary {
		c.speaks = websocket.MessageBinary
	}
	return c
}

// Accept answers the handshake, whose origin the caller has checked. When it fails it has written the refusal.
func Accept(w http.ResponseWriter, r *http.Request, opts Options) (*Conn, error) {
	c := &captor{ResponseWriter: w, opts: opts}
	lib, err := websocket.Accept(c, legalOffers(r), &websocket.AcceptOptions{
		Subprotocols:       []string{opts.Subprotocol},
		InsecureSkipVerify: true, // the name of the library's own origin check, which does not know proxies
		CompressionMode:    opts.compression(),
	})
	if err != nil && !c.parks {
		return nil, err
	}
	conn := newConn(lib, c.socket, opts)
	conn.deflated = c.deflated
	if c.parks {
		conn.parked = &parked{c: conn, limit: opts.ReadLimit}
		if len(c.early) > 0 {
			conn.parked.add(c.early)
		}
	}
	return conn, nil
}

// Deflated says whether deflated frames may be written to an accepted connection.
func (c *Conn) Deflated() bool { return c.deflated }

// Read returns the next message. It must be called all the time, or pings go unanswered. When it fails, the connection has been
// closed with the code that tells why.
func (c *Conn) Read() ([]byte, error) {
	p, no := c.next(c.lib)
	if no != nil {
		// Where the library has sent a close frame, this one goes unsent and it only waits for the peer's.
		c.Close(no.code, no.reason)
		return nil, no.error
	}
	return p, nil
}

// refusal is why a connection cannot go on, and what to close it with.
type refusal struct {
	code   int
	reason string
	error
}

func (r *refusal) Unwrap() error { return r.error }

// next reads a message.
func (c *Conn) next(lib *websocket.Conn) ([]byte, *refusal) {
	typ, p, err := lib.Read(context.Background()) // an expired context would cut the connection; Close ends the read
	switch {
	case err != nil:
		return nil, &refusal{ProtocolError, "", err}
	case typ != c.speaks:
		reason := map[websocket.MessageType]string{websocket.MessageText: "text only", websocket.MessageBinary: "binary only"}[c.speaks]
		return nil, &refusal{Unsupported, reason, fmt.Errorf("wsconn: %v where none is spoken", typ)}
	case typ == websocket.MessageText && !utf8.Valid(p):
		return nil, &refusal{NotUTF8, "not UTF-8", errors.New("wsconn: text that is not UTF-8")}
	}
	return p, nil
}

// Write writes prepared frames to an accepted connection, whole. It waits as long as anything moves, and fails with ErrSlow when nothing
// did for the write timeout.
func (c *Conn) Write(frames []byte) error { return c.socket.out.Write(frames) }

// Send writes p as one message, like Write. Text must be UTF-8.
func (c *Conn) Send(p []byte) error {
	op := byte(opText)
	if c.speaks == websocket.MessageBinary {
		op = opBinary
	}
	return c.socket.out.Write(c.form(fin|op, p))
}

// Ping asks for a sign of life and returns nil when anything was heard of the peer, net.ErrClosed when the connection has closed, or ctx's
// error. Read and Tend must run meanwhile.
func (c *Conn) Ping(ctx context.Context) error {
	heard := c.socket.listen()
	if err := c.socket.control(c.form(fin|opPing, nil)); err != nil {
		return err
	}
	select {
	case <-heard:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.socket.closed.Load() {
		return net.ErrClosed
	}
	return nil
}

// CloseCode is the code of the peer's close frame in an error of Read, 1005 for one without a code; 0: there was none.
func CloseCode(err error) int { return max(0, int(websocket.CloseStatus(err))) }

// Tend answers the peer's pings, pings it every so often, and returns nil when ctx ends, or an error when it was quiet for so long: nothing
// heard, and no write that had to wait moved on. It must run as long as the connection is used.
func (c *Conn) Tend(ctx context.Context, every, quiet time.Duration) error {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	pinged := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-c.socket.bell:
		case now := <-ticker.C:
			if silence := c.socket.quiet(now); silence > quiet {
				return fmt.Errorf("nothing heard for %v", silence.Round(time.Second))
			}
			if now.Sub(pinged) < every {
				continue
			}
			pinged = now
			if err := c.socket.control(c.form(fin|opPing, nil)); err != nil {
				return err
			}
		}
		if err := c.socket.out.Write(nil); err != nil {
			return err
		}
	}
}

// tendEvery is how late a ping, or the end of a quiet connection, may be.
const tendEvery = time.Second

// Stop lets no more data out, and ends a Write that waits for the peer. What can still be told is a Close.
func (c *Conn) Stop() { c.socket.out.Stop() }

// Close says goodbye with a code, unless the peer takes nothing for 2 s, and waits 2 s at most for the peer to do so. CloseNow ends it.
func (c *Conn) Close(code int, reason string) {
	if c.parked != nil {
		c.parked.close(code, reason)
		return
	}
	_ = c.lib.Close(websocket.StatusCode(code), reason) // whatever the peer does, the connection is closed
}

// CloseNow closes the socket without a word, and ends a Close that waits.
func (c *Conn) CloseNow() {
	if c.parked != nil {
		c.parked.closeNow()
		return
	}
	_ = c.socket.cut() // the library would wait for a Close
	_ = c.lib.CloseNow()
}
