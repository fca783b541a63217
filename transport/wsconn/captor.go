package wsconn

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"time"
)

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
	c.socket = newSocket(conn, c.timeout)
	const small = 256 // holds any control frame; the library writes nothing else
	brw.Writer = bufio.NewWriterSize(c.socket, small)
	return c.socket, brw, nil
}
