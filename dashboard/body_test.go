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
	for kind, body := range map[string]string{"application/json": `{"to":`, "application/x-www-form-urlencoded": "to=all"} {
		synctest.Test(t, func(t *testing.T) {
			d, _ := newDashboard(t)
			here, there := net.Pipe()
			ln := pipe{make(chan net.Conn, 1)}
			ln.conns <- there
			srv := &http.Server{Handler: d}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ln) }()
			began := time.Now()
			_, _ = fmt.Fprintf(here, "POST /api/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: 100\r\n\r\n%s", kind, body)
			br := bufio.NewReader(here)
			res, err := http.ReadResponse(br, nil)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != http.StatusRequestTimeout || !strings.Contains(string(text), "the body did not come within 10 seconds") || time.Since(began) > 11*time.Second {
				t.Errorf("%s: %d %s after %v; want 408 in 10 s", kind, res.StatusCode, text, time.Since(began))
			}
			if _, err := br.ReadByte(); !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v; want the connection closed", kind, err)
			}
			_ = srv.Close()
			if err := <-served; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
			_ = here.Close()
		})
	}
}
