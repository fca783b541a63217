package wsconn

import (
	"fmt"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// Try writes prepared frames as far as the socket takes them now. What it does not take stays the connection's, p itself, and goes out
// before anything else; more says that there is something. An error is the end of the connection.
func (c *Conn) Try(p []byte) (more bool, err error) { return c.socket.out.Try(p) }

// Writer does what Try and Write do.
func (c *Conn) Writer() *patient.Writer { return c.socket.out }

// Beat is called about once a second: it pings when that is due, tries to write what waits, and fails when the peer was quiet for too long.
func (c *Conn) Beat(now time.Time) (more bool, err error) {
	if silence := c.socket.quiet(now); silence > c.longest {
		return false, fmt.Errorf("nothing heard for %v", silence.Round(time.Second))
	}
	if now.UnixNano()-c.pinged.Load() < int64(c.every) {
		return c.socket.out.Try(nil)
	}
	c.pinged.Store(now.UnixNano())
	return c.socket.out.Control(c.form(fin|opPing, nil))
}

// Receive has take called with each message of the peer, one at a time, and ended once when reading has ended: the connection has been closed
// then with the code that tells why, unless that is take's own error. Both run on goroutines of the poller. Where Close or CloseNow came first, ended may never be called.
func (c *Conn) Receive(take func(message []byte) error, ended func(error)) {
	if c.parked != nil {
		if _, err := c.socket.out.Try(nil); err != nil { // the answer to the handshake, if nothing has been written yet
			c.poller.Go(func() { ended(err) })
			return
		}
		c.parked.receive(take, ended)
		return
	}
	c.poller.Go(func() {
		for {
			message, err := c.Read()
			if err == nil {
				err = take(message)
			}
			if err != nil {
				ended(err)
				return
			}
		}
	})
}
