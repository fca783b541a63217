package dashboard

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is a listener of one connection.
type pipe struct{ conns chan net.Conn }

func (p pipe) Accept() (net.Conn, error) {
	conn, ok := <-p.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (p pipe) Close() error {
	close(p.conns)
	return nil
}

func (p pipe) Addr() net.Addr { return &net.TCPAddr{} }

// A body that stops on its way is answered in words when its time is over, and its connection ends.
func TestSlowBody(t *testing.T) {
	form := "application/x-www-form-urlencoded"
	tests := []struct{ kind, length, body string }{
		{"application/json", "Content-Length: 100", `{"to":`}, {form, "Content-Length: 100", "to=all"}, {"text/plain", "Content-Length: 100", "abc"},
		{"application/json", "Transfer-Encoding: chunked", "6\r\n{\"to\":\r\n"}, {"application/json", "Transfer-Encoding: chunked", "5\r\nabc"},
		{form, "Transfer-Encoding: chunked", "6\r\nto="},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			d, _ := newDashboard(t)
			here, there := net.Pipe()
			ln := pipe{make(chan net.Conn, 1)}
			ln.conns <- there
			srv := &http.Server{Handler: d}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ln) }()
			began := time.Now()
			_, _ = fmt.Fprintf(here, "POST /api/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%s\r\n\r\n%s", tt.kind, tt.length, tt.body)
			br := bufio.NewReader(here)
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), "the body did not come within 10 seconds") || time.Since(began) > 11*time.Second {
				t.Errorf("%s, %q: %d %s after %v; want 408 in 10 s", tt.kind, tt.body, res.StatusCode, text, time.Since(began))
			}
			if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("%s, %q: %v; want the connection closed", tt.kind, tt.body, err)
			}
			_ = srv.Close()
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
			_ = here.Close()
		})
	}
}
