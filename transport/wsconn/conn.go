// Package wsconn is the one place that knows the WebSocket library: handshake, reads, pings and closes are the library's, data
// frames are prepared by the caller and written directly. It mends what the library leaves out of RFC 6455 and RFC 7692.
package wsconn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"nhooyr.io/websocket"
)

// Close codes (RFC 6455, 7.4; 4000–4999 are ours).
const (
	GoingAway      = 1001
	ProtocolError  = 1002
	Unsupported    = 1003 // binary where text is spoken
	NotUTF8        = 1007
	TooBig         = 1009
	ServiceRestart = 1012
	WrongFrames    = 4400 // too many wrong frames in a row
	TooSlow        = 4408
)

// Options of a handshake.
type Options struct {
	Subprotocol  string        // chosen when the client offers it
	ReadLimit    int64         // bytes of a message; more closes 1009
	WriteTimeout time.Duration // without any movement
}

// Conn is an accepted WebSocket that speaks text. All methods may be called concurrently, Read and
// Write by one goroutine each.
type Conn struct {
	lib      *websocket.Conn
	socket   *socket
	deflated bool
}

// Accept answers the handshake, whose origin the caller has checked. When it fails it has written the refusal.
func Accept(w http.ResponseWriter, r *http.Request, opts Options) (*Conn, error) {
	c := &captor{ResponseWriter: w, timeout: opts.WriteTimeout}
	lib, err := websocket.Accept(c, legalOffers(r), &websocket.AcceptOptions{
		Subprotocols:       []string{opts.Subprotocol},
		InsecureSkipVerify: true, // the name of the library's own origin check, which does not know proxies
		CompressionMode:    websocket.CompressionNoContextTakeover,
	})
	if err != nil {
		return nil, err
	}
	lib.SetReadLimit(opts.ReadLimit)
	deflated := strings.Contains(w.Header().Get(extensions), "permessage-deflate")
	return &Conn{lib: lib, socket: c.socket, deflated: deflated}, nil
}

// Deflated says whether deflated frames may be written.
func (c *Conn) Deflated() bool { return c.deflated }

// Read returns the next text message. It must be called all the time, or pings go unanswered. When it fails, the connection has been
// closed with the code that tells why.
func (c *Conn) Read() ([]byte, error) {
	typ, p, err := c.lib.Read(context.Background()) // an expired context would cut the connection; Close ends the read
	if err != nil {
		// Where the library has sent a close frame, this one goes unsent and it only waits for the peer's.
		c.Close(ProtocolError, "")
		return nil, err
	}
	if typ != websocket.MessageText {
		c.Close(Unsupported, "text only")
		return nil, errors.New("wsconn: binary message")
	}
	if !utf8.Valid(p) {
		c.Close(NotUTF8, "not UTF-8")
		return nil, errors.New("wsconn: text that is not UTF-8")
	}
	return p, nil
}

// Write writes prepared frames, whole. It waits as long as anything moves, and fails with ErrSlow when nothing did for the write timeout.
func (c *Conn) Write(frames []byte) error { return c.socket.send(frames) }

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
			if silence := c.socket.quiet(); silence > quiet {
				return fmt.Errorf("nothing heard for %v", silence.Round(time.Second))
			}
			if now.Sub(pinged) < every {
				continue
			}
			pinged = now
			if _, err := c.socket.Write(frame(fin|opPing, nil)); err != nil {
				return err
			}
		}
		if err := c.socket.send(nil); err != nil {
			return err
		}
	}
}

// tendEvery is how late a ping, or the end of a quiet connection, may be.
const tendEvery = time.Second

// Stop lets no more data out, and ends a Write that waits for the peer. What can still be told is a Close.
func (c *Conn) Stop() { c.socket.stop() }

// Close says goodbye with a code and waits 2 s at most for the peer to do so.
func (c *Conn) Close(code int, reason string) {
	_ = c.lib.Close(websocket.StatusCode(code), reason) // whatever the peer does, the connection is closed
}

// CloseNow closes the socket without a word.
func (c *Conn) CloseNow() { _ = c.lib.CloseNow() }
