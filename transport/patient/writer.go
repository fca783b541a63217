package patient

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/pulsewall/pulsewall/transport/ready"
)

// Why a Writer does not write.
var (
	// ErrSlow reports a peer that took nothing for the timeout.
	ErrSlow = errors.New("the client took nothing in time")
	// ErrSaid reports data after the last word.
	ErrSaid = errors.New("patient: the last word has been said")
)

// mostControl bounds the control pieces that wait, in bytes.
const mostControl = 4 << 10

// Writer writes pieces to a connection, whole and in order. It tries without waiting and owns what the connection did not take; or it
// waits, as long as anything moves. All methods may be called concurrently, and only Write and Last wait for the peer.
type Writer struct {
	// What a try touches, in 64 bytes: between two tries the writes to all others have taken the caches.
	mu      sync.Mutex // never held by who waits for the peer
	waiting []piece    // guarded by mu
	failed  error      // guarded by mu: the connection is over
	fd      int32      // guarded by mu: for tries, see hold; -1: none
	control int32      // guarded by mu: bytes of those waiting that are control
	asked   bool       // guarded by mu: for the descriptor
	busy    bool       // guarded by mu: somebody waits for the peer, and writes what others add
	final   bool       // guarded by mu: who is busy says the last word
	said    bool       // guarded by mu: nothing may be added
	stopped bool       // guarded by mu: no more data

	conn    net.Conn
	paced   *Conn           // of conn
	raw     syscall.RawConn // nil: it cannot try
	timeout time.Duration
	end     func(p []byte, sent int) int
	free    chan struct{} // guarded by mu: closed when nobody is busy any more; nil: nobody asks
}

// NewWriter returns a writer to conn. Only to one that is patient itself, on plain TCP, are there tries. end says where a piece of which sent bytes
// went out may be cut, at sent or after it, so that the stream stays valid; nil: nowhere.
func NewWriter(conn net.Conn, timeout time.Duration, end func(p []byte, sent int) int) *Writer {
	w := &Writer{conn: conn, paced: Of(conn), fd: none, timeout: timeout, end: end}
	if w.paced == nil {
		w.paced = Wrap(conn)
		w.conn = w.paced
	}
	if p, ok := conn.(*Conn); ok && ready.Can {
		if raw, err := p.SyscallConn(); err == nil {
			w.raw = raw
		}
	}
	return w
}

// Raw is the connection for tries; nil: there are none.
func (w *Writer) Raw() syscall.RawConn { return w.raw }

// Moved returns when a write that had to wait moved on last; the zero time: never.
func (w *Writer) Moved() time.Time { return w.paced.Moved() }

// Begin has head go out before all else, together with the first piece. It is called before anything is written.
func (w *Writer) Begin(head []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = []piece{{p: head, head: true}}
}

// Try writes p, after what waits, as far as the connection takes it now. What it does not take waits, p itself and not a copy, and more says so. An
// error is the end of the connection.
func (w *Writer) Try(p []byte) (more bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuses(p); err != nil {
		return false, err
	}
	w.hold()
	if len(p) > 0 && len(w.waiting) == 0 && w.canTry() && !w.busy { // nearly always, and then nothing is kept
		n, err := w.tryWrite(p)
		if n == len(p) {
			return false, nil
		}
		if err != nil && !errors.Is(err, ready.ErrLater) {
			return false, w.fail(err)
		}
		w.waiting = append(w.waiting, piece{p: p, sent: n})
		return true, nil
	}
	w.add(p)
	err = w.try()
	return len(w.waiting) > 0, err
}

// Write writes what waits and then p, which may be empty. It waits as long as anything moves, and fails with ErrSlow when nothing did for the
// timeout; then only the rest of what was begun is kept.
func (w *Writer) Write(p []byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takeTurn()
	if err := w.refuses(p); err != nil {
		return err
	}
	w.add(p)
	return w.flush(w.timeout, false)
}

// Control adds p, which is the writer's from now on, tries, and says whether something waits. When more than 4 KiB do, those that were not
// begun give way: the newest counts. After the last word it is dropped.
func (w *Writer) Control(p []byte) (more bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said {
		return false, nil
	}
	w.addControl(p)
	err = w.try()
	return len(w.waiting) > 0, err
}

// Last writes what was begun and what is control, and then p as the last word: nothing comes after it. It waits as long as anything moves, and fails
// with ErrSlow when nothing did for the patience given. Only the first one is said.
func (w *Writer) Last(p []byte, patience time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said {
		return nil
	}
	w.said = true
	w.takeTurn()
	w.addControl(p)
	return w.flush(patience, true)
}

// Stop lets no more data out, and ends a Write that waits for the peer. A last word may follow.
func (w *Writer) Stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	switch {
	case !w.busy:
		w.cut()
	case !w.final:
		_ = w.conn.SetWriteDeadline(time.Now()) // of a connection that has failed, who is busy knows
	}
}

// takeTurn returns when nobody is busy. The writer is locked, but not meanwhile.
func (w *Writer) takeTurn() {
	for w.busy {
		if w.free == nil {
			w.free = make(chan struct{})
		}
		free := w.free
		w.mu.Unlock()
		<-free
		w.mu.Lock()
	}
}

// try writes what the connection takes now. The writer is locked.
func (w *Writer) try() error {
	for len(w.waiting) > 0 && w.canTry() && !w.busy && w.failed == nil {
		p := w.next()
		n, err := w.tryWrite(p)
		w.went(n)
		if errors.Is(err, ready.ErrLater) || err == nil && n < len(p) {
			return nil
		}
		if err != nil {
			return w.fail(err)
		}
	}
	return w.failed
}

// flush writes all that waits. The writer is locked, but not while it waits for the peer.
func (w *Writer) flush(patience time.Duration, final bool) error {
	if err := w.try(); err != nil || len(w.waiting) == 0 {
		return err
	}
	w.busy, w.final = true, final
	defer func() {
		w.busy = false
		if w.raw != nil {
			_ = w.conn.SetWriteDeadline(time.Time{}) // one that passes would fail a try
		}
		if w.free != nil {
			close(w.free)
			w.free = nil
		}
	}()
	for len(w.waiting) > 0 {
		if err := w.push(patience, final); err != nil {
			return err
		}
	}
	return nil
}

// push writes the first piece that waits.
func (w *Writer) push(patience time.Duration, final bool) error {
	if w.stopped && !final {
		w.cut()
		return net.ErrClosed
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return w.fail(err)
	}
	p := w.next()
	w.mu.Unlock()
	n, err := w.conn.Write(p)
	w.mu.Lock()
	w.went(n)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return w.fail(err)
	}
	w.cut()
	if w.stopped && !final {
		return net.ErrClosed
	}
	return ErrSlow
}
