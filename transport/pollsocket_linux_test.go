package transport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// pollRequest is what a poller asks on a connection that stays.
func pollRequest(cursor string, wait int) string {
	return fmt.Sprintf("GET /live/poll?sub=cpu&wait=%d&after=%s HTTP/1.1\r\nHost: x\r\n\r\n", wait, cursor)
}

// waitingPoll is a poll that waits, over TCP.
func waitingPoll(t *testing.T, s *site, more string) (net.Conn, *bufio.Reader) {
	t.Helper()
	_, cursor := s.Snapshot([]string{"cpu"})
	conn := dialTCP(t, s.address(), pollRequest(cursor, 25)+more)
	eventually(t, func() error {
		if n := waitingPolls(s); n == 0 {
			return errors.New("no poll waits")
		}
		return nil
	})
	return conn, bufio.NewReader(conn)
}

// waitingPolls counts those that wait without a handler.
func waitingPolls(s *site) (n int) {
	s.Hub.mu.RLock()
	defer s.Hub.mu.RUnlock()
	for _, sh := range s.shards {
		n += len(sh.sessions)
	}
	return n
}

func readAnswer(t *testing.T, r *bufio.Reader, status int, want string) *http.Response {
	t.Helper()
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if response.StatusCode != status || !strings.Contains(string(body), want) || err != nil {
		t.Errorf("%s %q, %v; want %d with %q", response.Status, body, err, status, want)
	}
	return response
}

// TestPollSocket: a poll that waits leaves its connection to net/http again, with what was sent meanwhile; one whose client goes, or that is ended,
// ends.
func TestPollSocket(t *testing.T) {
	start := func(t *testing.T) *site {
		s := newSite(t, Options{}, false)
		put(s.Hub, "cpu", 1)
		return s
	}
	t.Run("asks on", func(t *testing.T) {
		s := start(t)
		conn, r := waitingPoll(t, s, "")
		for v := int64(2); v < 5; v++ {
			put(s.Hub, "cpu", v)
			readAnswer(t, r, http.StatusOK, fmt.Sprintf(`"version":%d`, v))
			_, cursor := s.Snapshot([]string{"cpu"})
			if _, err := io.WriteString(conn, pollRequest(cursor, 25)); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("has asked on", func(t *testing.T) {
		s := start(t)
		_, r := waitingPoll(t, s, pollRequest("", 0)+pollRequest("", 0))
		put(s.Hub, "cpu", 2)
		readAnswer(t, r, http.StatusOK, `"version":2`)
		readAnswer(t, r, http.StatusOK, `"hello"`)
		readAnswer(t, r, http.StatusOK, `"hello"`)
	})
	t.Run("goes", func(t *testing.T) {
		s := start(t)
		conn, _ := waitingPoll(t, s, "")
		_ = conn.Close()
		eventually(t, func() error {
			if ends := s.ended(); len(ends) == 0 || ends[0] == nil {
				return fmt.Errorf("ended %v; want that the client has gone", ends)
			}
			return nil
		})
	})
	t.Run("is ended", func(t *testing.T) {
		s := start(t)
		_, r := waitingPoll(t, s, "")
		s.Hub.Close()
		if response := readAnswer(t, r, http.StatusServiceUnavailable, `"status":503`); response.Header.Get("Retry-After") == "" || response.Header.Get("Cache-Control") == "" {
			t.Errorf("headers %v; want when to come back, and that nobody keeps it", response.Header)
		}
	})
	t.Run("is told bye", func(t *testing.T) {
		s := start(t)
		_, r := waitingPoll(t, s, "")
		done := make(chan error, 1)
		go func() { done <- s.Drain(t.Context()) }()
		if response := readAnswer(t, r, http.StatusOK, `"bye"`); !response.Close {
			t.Error("the connection stays")
		}
		if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
			t.Errorf("read = %v; want the end", err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("costs one goroutine", func(t *testing.T) {
		s := start(t)
		const n = 20
		before := runtime.NumGoroutine()
		_, cursor := s.Snapshot([]string{"cpu"})
		for range n {
			dialTCP(t, s.address(), pollRequest(cursor, 25))
		}
		eventually(t, func() error {
			if waiting, more := waitingPolls(s), runtime.NumGoroutine()-before; waiting < n || more > n+1 {
				return fmt.Errorf("%d wait on %d goroutines more; want one each", waiting, more)
			}
			return nil
		})
	})
}
