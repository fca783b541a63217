package wsconn

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// ErrSlow reports a peer that took nothing for the write timeout.
var ErrSlow = errors.New("the client took nothing in time")

var errSaid = errors.New("wsconn: a close frame has been sent")

const (
	mostControl = 4 << 10         // bytes of control frames that wait behind a data frame
	closeWait   = 2 * time.Second // for the peer's close frame
)

// socket is the connection that the library is given. Data frames are written to it directly, whole; the library writes only
// control frames, each in one Write. It never waits to answer a ping, or a data frame that goes out slowly would look to it
// like a dead connection: those frames wait in a queue, which Conn.Tend writes.
type socket struct {
	net.Conn
	timeout time.Duration
	paced   *patient.Conn // of Conn, where there is one

	turn chan struct{} // size 1: full while somebody writes
	bell chan struct{} // size 1: control frames wait

	mu      sync.Mutex
	rest    []byte // guarded by mu: of a frame that a slow peer took in part; it comes before anything else
	queue   []byte // guarded by mu: control frames that wait
	said    bool   // guarded by mu: a close frame is out, or waits; nothing may follow it
	sending bool   // guarded by mu: data is going out
	stopped bool   // guarded by mu: no more data

	heard  atomic.Int64                  // when the peer was heard last; Unix nanoseconds
	ear    atomic.Pointer[chan struct{}] // closed when the peer is heard next, or the socket closes; nil: nobody listens
	closed atomic.Bool
}

func newSocket(conn net.Conn, timeout time.Duration) *socket {
	if patient.Of(conn) == nil {
		conn = patient.Wrap(conn)
	}
	s := &socket{Conn: conn, timeout: timeout, paced: patient.Of(conn), turn: make(chan struct{}, 1), bell: make(chan struct{}, 1)}
	s.heard.Store(time.Now().UnixNano())
	return s
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.heard.Store(time.Now().UnixNano())
		s.tell()
	}
	return n, err
}

// listen returns what is closed when the peer is heard from now on, or the socket has closed.
func (s *socket) listen() <-chan struct{} {
	ear := make(chan struct{})
	for !s.ear.CompareAndSwap(nil, &ear) {
		if other := s.ear.Load(); other != nil {
			return *other
		}
	}
	if s.closed.Load() { // and may have told before
		s.tell()
	}
	return ear
}

// tell ends the wait of those who listen.
func (s *socket) tell() {
	if s.ear.Load() == nil { // nearly always
		return
	}
	if ear := s.ear.Swap(nil); ear != nil {
		close(*ear)
	}
}

// Close closes the socket, and ends the wait of those who listen.
func (s *socket) Close() error {
	s.closed.Store(true)
	err := s.Conn.Close()
	s.tell()
	return err
}

// quiet is how long neither was the peer heard nor did a write that had to wait move on.
func (s *socket) quiet() time.Duration {
	last := time.Unix(0, s.heard.Load())
	if moved := s.paced.Moved(); moved.After(last) {
		last = moved
	}
	return time.Since(last)
}

// Write takes a control frame from the library. A close frame goes out at once, others when Conn.Tend comes to it.
func (s *socket) Write(p []byte) (int, error) {
	closing := len(p) >= 2 && p[0]&0xf == opClose
	s.mu.Lock()
	if s.said { // RFC 6455, 5.5.1: nothing after the close frame
		s.mu.Unlock()
		return len(p), nil
	}
	s.said = closing
	if len(s.queue)+len(p) > mostControl {
		s.queue = nil // RFC 6455, 5.5.3: the newest ping is the one to answer
	}
	s.queue = append(s.queue, mended(p)...)
	s.mu.Unlock()
	if !closing {
		s.ring()
		return len(p), nil
	}
	// The library discards the rest of a message without a deadline while it waits for the peer's close frame.
	if err := s.SetReadDeadline(time.Now().Add(closeWait)); err != nil {
		return 0, err
	}
	return len(p), s.send(nil)
}

// mended is p, but for the echo of a close reason that is not UTF-8 (RFC 6455, 8.1).
func mended(p []byte) []byte {
	if p[0]&0xf != opClose {
		return p
	}
	code := []byte{NotUTF8 >> 8, NotUTF8 & 0xff}
	if p[1]&masked == 0 {
		if len(p) > 4 && !utf8.Valid(p[4:]) {
			return frame(fin|opClose, code)
		}
		return p
	}
	payload := make([]byte, len(p)-6)
	disguise(payload, p[6:], p[2:6])
	if len(payload) > 2 && !utf8.Valid(payload[2:]) {
		return maskedFrame(fin|opClose, code)
	}
	return p
}

func (s *socket) ring() {
	select {
	case s.bell <- struct{}{}:
	default:
	}
}

// send writes the control frames that wait, then data, which may be nil, when no other goroutine writes any more.
func (s *socket) send(data []byte) error {
	s.turn <- struct{}{} // who has it gives it back when nothing moved for the timeout, at the latest
	defer func() { <-s.turn }()
	frames, begun, err := s.take(data)
	if len(frames) == 0 {
		return err
	}
	n, failed := s.push(frames)
	s.mu.Lock()
	s.sending = false
	if errors.Is(failed, ErrSlow) {
		s.rest = restOfFrame(frames, begun, n)
	}
	s.mu.Unlock()
	return errors.Join(err, failed)
}

// take returns what is to be written now, and how much of it is the end of a frame begun before. The error says why data is not
// among it.
func (s *socket) take(data []byte) (frames []byte, begun int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.said && data != nil:
		data, err = nil, errSaid
	case s.stopped && data != nil:
		data, err = nil, net.ErrClosed
	}
	begun = len(s.rest)
	frames = append(s.rest, s.queue...)
	s.rest, s.queue = nil, nil
	s.sending = data != nil
	if len(frames) == 0 {
		return data, 0, err
	}
	return append(frames, data...), begun, err
}

// push writes p whole, or says how much of it went before nothing moved for the timeout.
func (s *socket) push(p []byte) (int, error) {
	s.mu.Lock()
	if s.sending && s.stopped { // since it was taken
		s.mu.Unlock()
		return 0, net.ErrClosed
	}
	err := s.SetWriteDeadline(time.Now().Add(s.timeout))
	s.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n, err := s.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = ErrSlow
	}
	return n, err
}

// stop lets no more data out, and ends a write of data that waits for the peer. A close frame may follow.
func (s *socket) stop() {
	s.mu.Lock() // held meanwhile, so that the deadline meets that write and no later one
	defer s.mu.Unlock()
	s.stopped = true
	if s.sending {
		_ = s.SetWriteDeadline(time.Now()) // of a connection that has failed, the writer knows
	}
}
