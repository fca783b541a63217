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
	"time"

	"github.com/pulsewall/pulsewall/transport/ready"
)

// sseHouse hands out the sockets of event streams. The caller must close them.
func sseHouse(t *testing.T) (address string, opened <-chan *sseSocket) {
	t.Helper()
	l, err := Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sockets, poller, done := make(chan *sseSocket), ready.New(), make(chan struct{})
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Of-Middleware", "kept")
		w.Header().Set("Connection", "keep-alive")
		s, err := newSSESocket(w, r, sseOptions{Poller: poller, WriteTimeout: patience, Head: []byte("head ")})
		if errors.Is(err, errors.ErrUnsupported) {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		sockets <- s
	})}
	go func() { defer close(done); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-done; poller.Close() })
	return l.Addr().String(), sockets
}

func dialTCP(t *testing.T, address, send string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, send); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestSSESocket: the head is one of HTTP with what middleware put into it, the body goes up to the end of the connection, and the end of a client, or
// one that talks, is noticed; nothing runs meanwhile.
func TestSSESocket(t *testing.T) {
	address, opened := sseHouse(t)
	const request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	open := func(more string) (*sseSocket, net.Conn, <-chan error) {
		conn := dialTCP(t, address, request+more)
		s, ended := <-opened, make(chan error, 2)
		t.Cleanup(s.CloseNow)
		s.Receive(nil, func(err error) { ended <- err })
		return s, conn, ended
	}
	wantEnd := func(ended <-chan error, want error) {
		t.Helper()
		select {
		case err := <-ended:
			if !errors.Is(err, want) {
				t.Errorf("ended with %v; want %v", err, want)
			}
		case <-time.After(patience):
			t.Errorf("the end is not noticed; want %v", want)
		}
	}
	t.Run("answer", func(t *testing.T) {
		s, conn, _ := open("unasked")
		if more, err := s.Beat(time.Now()); more || err != nil {
			t.Errorf("Beat = %v, %v; want nothing", more, err)
		}
		if more, err := s.Try([]byte("tried ")); more || err != nil {
			t.Errorf("Try = %v, %v; want it to go", more, err)
		}
		if err := s.Write([]byte("written")); err != nil {
			t.Error(err)
		}
		s.CloseNow()
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if string(body) != "head tried written" || err != nil || response.Header.Get("X-Of-Middleware") != "kept" || !response.Close || response.Header.Get("Date") == "" {
			t.Errorf("%v with %q, %v; want all of it up to the end", response, body, err)
		}
	})
	t.Run("quiet", func(t *testing.T) {
		before := runtime.NumGoroutine()
		var ends []<-chan error
		var clients []net.Conn
		for range 20 {
			_, conn, ended := open("")
			ends, clients = append(ends, ended), append(clients, conn)
		}
		eventually(t, func() error {
			if n := runtime.NumGoroutine() - before; n > 0 {
				return fmt.Errorf("%d goroutines more; want none", n)
			}
			return nil
		})
		for i, conn := range clients {
			_ = conn.Close()
			wantEnd(ends[i], io.EOF)
		}
	})
	t.Run("one that talks", func(t *testing.T) {
		_, conn, ended := open("")
		_, _ = conn.Write(make([]byte, mostUnasked+1))
		wantEnd(ended, errTalks)
	})
	t.Run("what cannot be taken over", func(t *testing.T) {
		for _, request := range []string{"GET / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"} {
			line, err := bufio.NewReader(dialTCP(t, address, request)).ReadString('\n')
			if err != nil || !strings.Contains(line, "418") {
				t.Errorf("%.20q: %q, %v; want it to be left as it was", request, line, err)
			}
		}
	})
}

// lastCall is a connection of which something happens just before it is closed.
type lastCall struct {
	net.Conn
	before func()
}

func (c lastCall) Close() error {
	c.before()
	return c.Conn.Close()
}

// TestSSESocketClosedFirst: a socket that is being closed is not watched.
func TestSSESocketClosedFirst(t *testing.T) {
	address, opened := sseHouse(t)
	dialTCP(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	s := <-opened
	s.conn = lastCall{s.conn, func() {
		s.Receive(nil, func(err error) { t.Errorf("ended with %v", err) })
	}}
	s.CloseNow()
	if s.watch != (ready.Watch{}) {
		t.Errorf("watched by %v after CloseNow", s.watch)
	}
}

// TestSSECountsItsHead: what is counted is the body, with the head of gzip.
func TestSSECountsItsHead(t *testing.T) {
	s := newSite(t, Options{}, false)
	conn := dialTCP(t, s.address(), "GET /live/sse HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := s.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if counted := s.Stats().Bytes[SSE]; err != nil || counted != uint64(len(body)) || response.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%d bytes counted, %v; want %d", counted, err, len(body))
	}
}
