package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
	"github.com/pulsewall/pulsewall/transport/ready"
)

// sseOptions of an event stream's socket.
type sseOptions struct {
	Poller       *ready.Poller
	WriteTimeout time.Duration // without any movement
	Head         []byte        // of the body
}

// mostUnasked is how many bytes a client of an event stream may send, of which nothing is expected.
const mostUnasked = 64 << 10

var errTalks = errors.New("the client of an event stream does not stop sending")

// sseSocket is the connection of an event stream, taken over from net/http. All methods may be called concurrently.
type sseSocket struct {
	conn   net.Conn
	out    *patient.Writer
	poller *ready.Poller

	mu    sync.Mutex
	watch ready.Watch // guarded by mu
	ended func(error) // guarded by mu: nil: it has been called, or never will be
	heard int         // guarded by mu: bytes
	over  bool        // guarded by mu: nothing is watched any more
}

// newSSESocket takes the connection of r over. The response's headers are those of w now. Where that is not possible (HTTP/2, TLS, a body) the
// error is errors.ErrUnsupported, and nothing has happened.
func newSSESocket(w http.ResponseWriter, r *http.Request, o sseOptions) (*sseSocket, error) {
	if r.TLS != nil || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Method != http.MethodGet || r.ContentLength != 0 {
		return nil, errors.ErrUnsupported
	}
	conn, _, err := http.NewResponseController(w).Hijack() // what came with the request is nothing that is expected
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own end here
		return nil, errors.Join(err, conn.Close())
	}
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	header := w.Header()
	header.Del("Connection")
	header.Del("Date")
	_ = header.Write(&head) // a bytes.Buffer takes everything
	head.WriteString("\r\n")
	head.Write(o.Head)
	out := patient.NewWriter(conn, o.WriteTimeout, nil)
	out.Begin(head.Bytes())
	return &sseSocket{conn: conn, out: out, poller: o.Poller}, nil
}

// Try writes p as far as the socket takes it now. What it does not take stays the socket's; more says that there is something.
func (s *sseSocket) Try(p []byte) (more bool, err error) { return s.out.Try(p) }

// Write writes what waits and then p, as long as anything moves; else it fails with wsconn.ErrSlow.
func (s *sseSocket) Write(p []byte) error { return s.out.Write(p) }

// Writer does what Try and Write do.
func (s *sseSocket) Writer() *patient.Writer { return s.out }

// Beat tries to write what waits. A client that has gone without a word is found out by the kernel.
func (s *sseSocket) Beat(time.Time) (more bool, err error) { return s.out.Try(nil) }

// Receive has ended called once, when the client has gone, but not after CloseNow. take is never called.
func (s *sseSocket) Receive(_ func([]byte) error, ended func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return
	}
	s.ended = ended
	raw := s.out.Raw()
	if raw == nil || !s.poller.Can() {
		s.poller.Go(s.read)
		return
	}
	watch, err := s.poller.Watch(raw, s)
	if s.watch = watch; err != nil {
		s.poller.Go(func() { s.end(err) })
	}
}

// read waits for the end of the client in a goroutine.
func (s *sseSocket) read() {
	_, err := io.CopyN(io.Discard, s.conn, mostUnasked)
	if err == nil {
		err = errTalks
	}
	s.end(err)
}

// Ready is called when the client has gone, or sends something.
func (s *sseSocket) Ready(scratch []byte) {
	n, err := ready.TryRead(s.out.Raw(), scratch)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard += n; s.heard > mostUnasked {
		err = errTalks
	}
	if err == nil || errors.Is(err, ready.ErrLater) {
		err = s.watch.Arm(s.out.Raw())
	}
	if err != nil && s.ended != nil {
		s.poller.Go(func() { s.end(err) })
	}
}

// end says that the client has gone.
func (s *sseSocket) end(err error) {
	s.mu.Lock()
	ended := s.ended
	s.ended = nil
	s.mu.Unlock()
	if ended != nil {
		ended(err)
	}
}

// Stop lets nothing more out, and ends a Write that waits for the client.
func (s *sseSocket) Stop() { s.out.Stop() }

// CloseNow closes the socket. What the kernel has taken still goes out.
func (s *sseSocket) CloseNow() {
	s.mu.Lock()
	s.over, s.ended = true, nil
	s.watch.Forget()
	s.mu.Unlock()
	_ = s.conn.Close() // of a connection that has ended, nobody asks
}
