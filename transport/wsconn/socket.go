package wsconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// ErrSlow reports a peer that took nothing for the write timeout.
var ErrSlow = patient.ErrSlow

// errCut ends the reading of a peer that has gone without a close frame.
var errCut = errors.New("wsconn: the peer has gone without a word")

const closeWait = 2 * time.Second // for the peer's close frame, and for a peer that takes nothing to take ours

// socket is the connection that the library is given. Data frames are written past it, by out; the library writes only
// control frames, each in one Write. It never waits to answer a ping, or a data frame that goes out slowly would look to it
// like a dead connection: those frames wait in out, until Conn.Tend or the next write comes to them.
type socket struct {
	net.Conn
	out  *patient.Writer
	bell chan struct{} // size 1: control frames wait; nil: nobody tends

	heard  atomic.Int64                  // when the peer was heard last; Unix nanoseconds
	ear    atomic.Pointer[chan struct{}] // closed when the peer is heard next, or the socket closes; nil: nobody listens
	closed atomic.Bool
}

func newSocket(conn net.Conn, timeout time.Duration) *socket {
	s := &socket{Conn: conn, out: patient.NewWriter(conn, timeout, endOfFrame), bell: make(chan struct{}, 1)}
	s.heard.Store(time.Now().UnixNano())
	return s
}

func (s *socket) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if n > 0 {
		s.hear()
	}
	if errors.Is(err, io.EOF) {
		err = errCut // the library would take what has come of a message for all of it
	}
	return n, err
}

// hear notes that the peer was heard.
func (s *socket) hear() {
	s.heard.Store(time.Now().UnixNano())
	s.tell()
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

// cut is Close, but says nothing of the end of TLS, for which a peer that takes nothing would be waited for.
func (s *socket) cut() error {
	if beneath := patient.Of(s.Conn); beneath != nil {
		_ = beneath.Close() // reported by Close
	}
	return s.Close()
}

// quiet is how long neither was the peer heard nor did a write that had to wait move on.
func (s *socket) quiet(now time.Time) time.Duration {
	last := time.Unix(0, s.heard.Load())
	if moved := s.out.Moved(); moved.After(last) {
		last = moved
	}
	return now.Sub(last)
}

// Write takes a control frame from the library. A close frame goes out at once, others when the peer takes them.
func (s *socket) Write(p []byte) (int, error) {
	if len(p) >= 2 && p[0]&0xf == opClose {
		// The library discards the rest of a message without a deadline while it waits for the peer's close frame.
		if err := s.SetReadDeadline(time.Now().Add(closeWait)); err != nil {
			return 0, err
		}
		err := s.out.Last(bytes.Clone(mended(p)), closeWait)
		if err != nil {
			_ = s.cut() // the end of TLS would wait as well
		}
		return len(p), err
	}
	return len(p), s.control(bytes.Clone(p))
}

// control writes a control frame when the peer takes it.
func (s *socket) control(p []byte) error {
	more, err := s.out.Control(p)
	if more {
		select {
		case s.bell <- struct{}{}:
		default:
		}
	}
	return err
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
