// Package patient writes to sockets for as long as anything moves.
package patient

import (
	"bytes"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is a connection whose write deadline is a patience: a write fails when nothing of it moved for as long as the deadline was away
// when it was set, and goes on, however long, while something does. That holds for whatever writes above: net/http, TLS, HTTP/2.
type Conn struct {
	net.Conn
	patience atomic.Int64           // a time.Duration; 0: the deadline is what it says
	moved    atomic.Int64           // when a write that had to wait moved on; Unix nanoseconds
	holder   atomic.Pointer[Writer] // that tries on the descriptor itself; nil: none
	closed   atomic.Bool            // or about to be
	secured  atomic.Bool            // by TLS above
	cut      atomic.Bool            // a record of TLS was given up
	unread   *bytes.Reader          // to be read first; nil: nothing. Owned by who reads
}

// Wrap returns c with patience.
func Wrap(c net.Conn) *Conn { return &Conn{Conn: c} }

// Of returns the patient connection that c is, or is built on by TLS; nil when there is none.
func Of(c net.Conn) *Conn {
	if above, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = above.NetConn()
	}
	p, _ := c.(*Conn)
	return p
}

// Secured says that TLS is above. A write that was given up is the last one then, as nothing can follow half a record: tls.Conn.Close would
// wait 5 s for the peer to take its farewell.
func (c *Conn) Secured() { c.secured.Store(true) }

// steps is how many times a patience is looked at: a stall is noticed this part of it late at most.
const steps = 20

// Write writes p, in as many turns as it takes.
func (c *Conn) Write(p []byte) (total int, err error) {
	if c.cut.Load() {
		return 0, os.ErrDeadlineExceeded
	}
	defer func() {
		if c.secured.Load() && errors.Is(err, os.ErrDeadlineExceeded) {
			c.cut.Store(true)
		}
	}()
	last := time.Now()
	for {
		patience := time.Duration(c.patience.Load())
		if patience > 0 {
			if err := c.Conn.SetWriteDeadline(time.Now().Add(max(patience/steps, time.Millisecond))); err != nil {
				return total, err
			}
			if c.patience.Load() != int64(patience) { // changed meanwhile, perhaps to end this write
				continue
			}
		}
		n, err := c.Conn.Write(p[total:])
		total += n
		if err == nil || patience == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return total, err
		}
		now := time.Now()
		if n > 0 {
			last = now
			c.moved.Store(now.UnixNano())
		} else if now.Sub(last) >= patience {
			return total, err
		}
	}
}

// Moved returns when a write that had to wait moved on last; the zero time: never.
func (c *Conn) Moved() time.Time {
	if at := c.moved.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// SetWriteDeadline sets the patience of writes to the time until t. A time that has passed ends a write that waits.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.bePatient(t)
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline sets the deadline of reads to t, and the patience of writes to the time until then.
func (c *Conn) SetDeadline(t time.Time) error {
	c.bePatient(t)
	return c.Conn.SetDeadline(t)
}

func (c *Conn) bePatient(t time.Time) {
	patience := time.Duration(0)
	if !t.IsZero() {
		patience = max(time.Until(t), 0)
	}
	c.patience.Store(int64(patience))
}

// Close closes the connection. A try that is under way is waited for, and none begins after it: the descriptor may be another connection's then.
func (c *Conn) Close() error {
	c.closed.Store(true)
	if w := c.holder.Load(); w != nil {
		w.letGo()
	}
	return c.Conn.Close()
}

// CloseWrite says that nothing more comes, where the connection can say that.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// Unread has the next reads return p first. Nobody may be reading.
func (c *Conn) Unread(p []byte) { c.unread = bytes.NewReader(p) }

// Read reads what is unread, then from the connection.
func (c *Conn) Read(p []byte) (int, error) {
	if c.unread == nil {
		return c.Conn.Read(p)
	}
	n, _ := c.unread.Read(p)
	if c.unread.Len() == 0 {
		c.unread = nil
	}
	return n, nil
}

// SyscallConn gives the descriptor, for socket options and tries; not where something is unread, which reads of the descriptor would pass over.
func (c *Conn) SyscallConn() (syscall.RawConn, error) {
	if c.unread != nil {
		return nil, errors.ErrUnsupported
	}
	if raw, ok := c.Conn.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}
