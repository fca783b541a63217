package wsconn

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// lost is a connection that has gone while its handshake was read. It counts what is said to net/http after it was taken over.
type lost struct {
	*httptest.ResponseRecorder
	net.Conn

	said, closed int
}

var errLost = errors.New("lost")

func (l *lost) Hijack() (net.Conn, *bufio.ReadWriter, error) { return l, nil, nil }
func (l *lost) SetDeadline(time.Time) error                  { return errLost }
func (l *lost) Close() error                                 { l.closed++; return nil }
func (l *lost) Write(p []byte) (int, error)                  { l.said++; return len(p), nil }
func (l *lost) WriteHeader(int)                              { l.said++ }

// TestLostInHandshake: of a connection that fails when it is taken over, net/http is told nothing more, and it is closed.
func TestLostInHandshake(t *testing.T) {
	l := &lost{ResponseRecorder: httptest.NewRecorder()}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header = handshake(false).Header
	if _, err := Accept(l, r, Options{}); !errors.Is(err, errLost) {
		t.Errorf("Accept = %v; want that it is lost", err)
	}
	if l.said != 0 || l.closed != 1 {
		t.Errorf("%d words to net/http, closed %d times; want none and once", l.said, l.closed)
	}
}
