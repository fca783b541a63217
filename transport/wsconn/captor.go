package wsconn

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// errParks ends the library's part in a connection that is to be parked: the handshake.
var errParks = errors.New("wsconn: to be parked")

// captor hands the library our socket when it takes over the connection; or, where the connection is to be parked, none: then nothing
// but the answer to the handshake is the library's. That goes out with the first frame, in one write, or with Receive.
type captor struct {
	http.ResponseWriter
	opts     Options
	socket   *socket
	parks    bool
	deflated bool
	early    []byte // what came with the handshake, where the connection is to be parked
}

func (c *captor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// WriteHeader leaves the answer to Hijack, and refusals to net/http, but for that which the library makes of a connection that is not its own.
func (c *captor) WriteHeader(status int) {
	if status != http.StatusSwitchingProtocols && c.socket == nil {
		c.ResponseWriter.WriteHeader(status)
	}
}

func (c *captor) Write(p []byte) (int, error) {
	if c.socket != nil {
		return len(p), nil
	}
	return c.ResponseWriter.Write(p)
}

func (c *captor) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, brw, err := http.NewResponseController(c.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	c.socket = newSocket(conn, c.opts.WriteTimeout)       // whatever comes now: nothing more is net/http's to say
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own deadlines end here
		return nil, nil, errors.Join(err, conn.Close())
	}
	c.socket.out.Begin(c.answer())
	c.deflated = strings.Contains(c.Header().Get(extensions), "permessage-deflate")
	if c.parks = c.opts.Poller.Can() && c.socket.out.Raw() != nil; c.parks {
		early, _ := brw.Peek(brw.Reader.Buffered()) // never more than there is
		c.early, c.socket.bell = bytes.Clone(early), nil
		return nil, nil, errParks
	}
	if err := c.socket.out.Write(nil); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	const small = 256 // holds any control frame; the library writes nothing else
	brw.Writer = bufio.NewWriterSize(c.socket, small)
	return c.socket, brw, nil
}

// answer is the answer to the handshake.
func (c *captor) answer() []byte {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nDate: " + time.Now().UTC().Format(http.TimeFormat) + "\r\n")
	c.Header().Del("Date")
	_ = c.Header().Write(&b) // a bytes.Buffer takes everything
	b.WriteString("\r\n")
	return b.Bytes()
}
