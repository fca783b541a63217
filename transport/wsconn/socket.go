package wsconn

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"
)

// ErrSlow reports a peer that took nothing for the write timeout.
var ErrSlow = errors.New("the client took nothing in time")

// mostControl bounds the control frames that wait behind a data frame, in bytes.
const mostControl = 4 << 10

// socket is the connection that the library is given. Data frames are written to it directly, whole; the library writes only
// control frames, each in one Write, and never has to wait for a data frame: behind one, its frame is queued.
type socket struct {
	net.Conn
	timeout time.Duration

	mu     sync.Mutex
	busy   bool   // guarded by mu: somebody writes
	queue  []byte // guarded by mu: control frames that wait until nobody does
	closed bool   // guarded by mu: a close frame has been queued, or a frame was cut short; nothing may follow

	heard atomic.Int64 // when the peer was heard last, or a write that had to wait moved on; Unix nanoseconds
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.touch()
	}
	return n, err
}

func (s *socket) touch() { s.heard.Store(time.Now().UnixNano()) }

// Write takes a control frame from the library.
func (s *socket) Write(p []byte) (int, error) {
	f, ok := s.legal(p)
	if !ok {
		return len(p), nil
	}
	s.mu.Lock()
	if len(s.queue)+len(f) > mostControl {
		s.mu.Unlock()
		return 0, fmt.Errorf("%w: %d bytes of control frames wait", ErrSlow, mostControl)
	}
	s.queue = append(s.queue, f...)
	s.mu.Unlock()
	return len(p), s.send(nil)
}

// legal mends what the library would send against RFC 6455: a frame after the close frame (5.5.1), and the echo of a
// reason that is not UTF-8 (8.1).
func (s *socket) legal(p []byte) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false
	}
	if len(p) >= 2 && p[0]&0xf == opClose {
		s.closed = true
		if len(p) > 4 && !utf8.Valid(p[4:]) {
			return frame(fin|opClose, []byte{1007 >> 8, 1007 & 0xff}), true
		}
	}
	return p, true
}

// send writes data, which may be nil, and whatever control frames wait, unless another goroutine is writing and data is nil: that one
// will. Only one goroutine may send data.
func (s *socket) send(data []byte) error {
	s.mu.Lock()
	if s.busy {
		if data == nil {
			s.mu.Unlock()
			return nil
		}
		s.mu.Unlock()
		return errors.New("wsconn: concurrent writes of data")
	}
	s.busy = true
	if s.closed && data != nil {
		data = nil // after a close frame come no data
	}
	for {
		control := s.queue
		s.queue = nil
		s.mu.Unlock()
		rest, err := s.push(append(control, data...))
		s.mu.Lock()
		if rest > 0 && rest < len(control)+len(data) {
			s.closed = true
		}
		data = nil
		if err != nil || len(s.queue) == 0 {
			s.busy = false
			s.mu.Unlock()
			return err
		}
	}
}

// push writes all of p, or fails when nothing moved for the timeout and says how much is left.
func (s *socket) push(p []byte) (rest int, err error) {
	for len(p) > 0 {
		if err := s.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
			return len(p), err
		}
		n, err := s.Conn.Write(p)
		p = p[n:]
		if errors.Is(err, os.ErrDeadlineExceeded) {
			if n == 0 {
				return len(p), ErrSlow
			}
			s.touch()
			continue
		}
		if err != nil {
			return len(p), err
		}
	}
	return 0, nil
}

// captor hands the library our socket when it takes over the connection.
type captor struct {
	http.ResponseWriter
	timeout time.Duration
	socket  *socket
}

func (c *captor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *captor) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, brw, err := http.NewResponseController(c.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own deadlines end here
		return nil, nil, errors.Join(err, conn.Close())
	}
	c.socket = &socket{Conn: conn, timeout: c.timeout}
	c.socket.touch()
	const small = 256 // holds any control frame; the library writes nothing else
	brw.Writer = bufio.NewWriterSize(c.socket, small)
	return c.socket, brw, nil
}
