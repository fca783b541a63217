//go:build linux

package clients

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// answerWithin is how long a server may take for a POST.
const answerWithin = 30 * time.Second

// publisher posts payloads over one connection that stays open, with as little work of its own as can be.
type publisher struct {
	conn net.Conn
	in   *bufio.Reader
	head string
	out  []byte
}

func newPublisher(address string) (*publisher, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	conn, err := net.DialTimeout("tcp", u.Host, answerWithin)
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: text/plain\r\nContent-Length: ", u.RequestURI(), u.Host)
	return &publisher{conn: conn, in: bufio.NewReader(conn), head: head}, nil
}

// publish sends one payload, which says when it was due, and waits for the answer.
func (p *publisher) publish(number uint64, size int, due time.Time) error {
	p.out = fmt.Appendf(append(p.out[:0], p.head...), "%d\r\n\r\n", max(size, leastSize))
	p.out = appendPayload(p.out, number, size, due)
	if err := p.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	if _, err := p.conn.Write(p.out); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	answer, err := http.ReadResponse(p.in, nil)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	defer answer.Body.Close()
	said, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err == nil && answer.StatusCode/100 != 2 {
		err = fmt.Errorf("publish: %s: %.300q", answer.Status, said)
	}
	return err
}

func (p *publisher) close() { _ = p.conn.Close() }
