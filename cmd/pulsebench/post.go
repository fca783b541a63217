//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// answerWithin is how long a node may take for one answer.
const answerWithin = 10 * time.Second

// poster sends requests over one connection that stays open, one after the other, and with as little work of its own as
// can be: what it takes counts as the node's.
type poster struct {
	conn net.Conn
	in   *bufio.Reader
	host string
	out  bytes.Buffer
}

func newPoster(addr string) (*poster, error) {
	conn, err := net.DialTimeout("tcp", addr, answerWithin)
	if err != nil {
		return nil, err
	}
	return &poster{conn: conn, in: bufio.NewReader(conn), host: addr}, nil
}

// post sends the body and waits for the answer, which must be a 202.
func (p *poster) post(path string, body []byte) error {
	p.out.Reset()
	fmt.Fprintf(&p.out, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, p.host, len(body))
	p.out.Write(body)
	if err := p.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	if _, err := p.conn.Write(p.out.Bytes()); err != nil {
		return err
	}
	answer, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusAccepted {
		err = fmt.Errorf("POST %s: %s: %s", path, answer.Status, said)
	}
	return err
}

func (p *poster) close() { _ = p.conn.Close() }
