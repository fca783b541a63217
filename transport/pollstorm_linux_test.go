package transport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
)

// TestPollGoesAfterByte: that a client goes is heard also after it has begun to ask on.
func TestPollGoesAfterByte(t *testing.T) {
	s := newSite(t, Options{}, false)
	put(s.Hub, "cpu", 1)
	conn, _ := waitingPoll(t, s, "")
	for range 3 {
		if _, err := io.WriteString(conn, "G"); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.Close()
	eventually(t, func() error {
		if ends := s.ended(); len(ends) != 1 || !errors.Is(ends[0], errGone) {
			return fmt.Errorf("ended %v; want that the client has gone", ends)
		}
		return nil
	})
}

// TestPollStorm: of clients that go in every way, while they wait and while they rest, nothing stays.
func TestPollStorm(t *testing.T) {
	n := newInn(t, 0, func(l net.Listener) net.Listener { return l })
	n.poller() // has a descriptor of its own
	before := files(t)
	const clients = 40
	for i := range clients {
		if i%2 == 0 {
			conn, r := waitingPoll(t, n.site, "")
			put(n.Hub, "cpu", int64(i+2))
			readAnswer(t, r, http.StatusOK, `"version"`)
			leave(t, conn, i/2)
			continue
		}
		conn, _ := waitingPoll(t, n.site, "")
		leave(t, conn, i/2)
		eventually(t, func() error {
			if waiting := waitingPolls(n.site); waiting > 0 {
				return fmt.Errorf("%d wait still", waiting)
			}
			return nil
		})
	}
	eventually(t, func() error {
		n.resting.mu.Lock()
		resting := len(n.resting.all)
		n.resting.mu.Unlock()
		if f := files(t); f > before || resting > 0 || waitingPolls(n.site) > 0 || len(n.ended()) != clients {
			return fmt.Errorf("%d descriptors, %d rest, %d ended; want %d, none and %d", f, resting, len(n.ended()), before, clients)
		}
		return nil
	})
}

// leave goes in one of several ways.
func leave(t *testing.T, conn net.Conn, how int) {
	tcp := conn.(*net.TCPConn)
	switch how % 4 {
	case 0:
		_ = tcp.SetLinger(0) // a reset
	case 1:
		_ = tcp.CloseWrite() // and nothing more: the server closes
		_ = tcp.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.Copy(io.Discard, tcp); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("the server keeps who has closed one side")
		}
	case 2:
		_, _ = io.WriteString(tcp, "GET ") // half a request, then a reset
		_ = tcp.SetLinger(0)
	}
	_ = tcp.Close()
}

// files counts the descriptors that are open.
func files(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
