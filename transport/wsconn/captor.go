package wsconn

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"time"
)

// captor hands the library our socket when it takes over the connection; or, where the connection is to be parked, none: then it is the
// library's no longer than the handshake.
type captor struct {
	http.ResponseWriter
	opts   Options
	socket *socket
	parks  bool
	early  []byte // what came with the handshake, where the connection is to be parked
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
	c.socket = newSocket(conn, c.opts.WriteTimeout)
	if c.parks = c.opts.Poller.Can() && c.socket.out.Raw() != nil; c.parks {
		early, _ := brw.Peek(brw.Reader.Buffered()) // never more than there is
		c.early, c.socket.bell = bytes.Clone(early), nil
		return reviver{feed: &feed{refused: true}}.Hijack()
	}
	const small = 256 // holds any control frame; the library writes nothing else
	brw.Writer = bufio.NewWriterSize(c.socket, small)
	return c.socket, brw, nil
}
