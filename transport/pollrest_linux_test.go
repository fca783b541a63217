package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// inn is a site whose server tells what it sees of connections.
type inn struct {
	*site
	server *http.Server

	mu    sync.Mutex
	seen  []http.ConnState // guarded by mu
	conns map[string]bool  // guarded by mu: of what types they are
}

// newInn serves on what wrap makes of a listener of Listen, or on a plain one where it is nil.
func newInn(t *testing.T, idle time.Duration, wrap func(net.Listener) net.Listener) *inn {
	t.Helper()
	l, err := Listen("tcp", "127.0.0.1:0")
	if wrap == nil && err == nil {
		_ = l.Close()
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		t.Fatal(err)
	}
	if wrap != nil {
		l = wrap(l)
	}
	s := &site{Hub: NewHub(Options{Epoch: "e"}), Server: &httptest.Server{Listener: l}, t: t} // never started: for its address
	put(s.Hub, "cpu", 1)
	n := &inn{site: s, conns: make(map[string]bool)}
	n.server = &http.Server{
		Handler: s, ReadHeaderTimeout: patience, IdleTimeout: idle, ConnState: n.note,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.conns[fmt.Sprintf("%T", conn)] = true
			return ConnContext(ctx, conn)
		},
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = n.server.Serve(l) }()
	t.Cleanup(func() { s.Hub.Close(); _ = n.server.Close(); <-done })
	return n
}

func (n *inn) note(_ net.Conn, state http.ConnState) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = append(n.seen, state)
}

// states are what connections went through.
func (n *inn) states() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return fmt.Sprint(n.seen)
}

// rested is a connection that rests after a poll.
func (n *inn) rested(t *testing.T) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, r := waitingPoll(t, n.site, "")
	put(n.Hub, "cpu", 2)
	readAnswer(t, r, http.StatusOK, `"version":2`)
	eventually(t, func() error {
		n.resting.mu.Lock()
		defer n.resting.mu.Unlock()
		if len(n.resting.all) != 1 {
			return fmt.Errorf("%d connections rest; want one", len(n.resting.all))
		}
		return nil
	})
	return conn, r
}

func wantEOF(t *testing.T, conn net.Conn, r *bufio.Reader) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("read = %v; want the end", err)
	}
}

// TestPollRests: the server has nothing of a connection between its polls, which lasts as long as idle ones do, and none of them outlives the hub.
func TestPollRests(t *testing.T) {
	own := func(l net.Listener) net.Listener { return l }
	t.Run("until it asks on", func(t *testing.T) {
		n := newInn(t, time.Hour, own)
		conn, r := n.rested(t)
		if got := n.states(); got != "[new active hijacked]" {
			t.Errorf("%s; want the server to have nothing of it", got)
		}
		const split = 10
		request := pollRequest("", 0)
		for _, part := range []string{request[:split], request[split:]} {
			if _, err := io.WriteString(conn, part); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error {
				if got := n.states(); !strings.HasPrefix(got, "[new active hijacked new") {
					return fmt.Errorf("%s; want it to be new", got)
				}
				return nil
			})
		}
		readAnswer(t, r, http.StatusOK, `"hello"`)
		if len(n.conns) != 1 || !n.conns["*patient.Conn"] {
			t.Errorf("the server met %v; want its own connections", n.conns)
		}
	})
	t.Run("as long as idle ones", func(t *testing.T) {
		n := newInn(t, time.Millisecond, own)
		conn, r := waitingPoll(t, n.site, "")
		put(n.Hub, "cpu", 2)
		readAnswer(t, r, http.StatusOK, `"version":2`)
		wantEOF(t, conn, r)
	})
	t.Run("until its client goes", func(t *testing.T) {
		n := newInn(t, 0, own)
		conn, _ := n.rested(t)
		_ = conn.Close()
		eventually(t, func() error {
			n.resting.mu.Lock()
			defer n.resting.mu.Unlock()
			if len(n.resting.all) > 0 {
				return errors.New("it rests still")
			}
			return nil
		})
	})
	for name, end := range map[string]func(h *Hub) error{
		"until Drain": func(h *Hub) error { return h.Drain(t.Context()) },
		"until Close": func(h *Hub) error { h.Close(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			n := newInn(t, 0, own)
			conn, r := n.rested(t)
			if err := end(n.Hub); err != nil {
				t.Error(err)
			}
			wantEOF(t, conn, r)
		})
	}
	t.Run("and a server that leaves does not wait", func(t *testing.T) {
		n := newInn(t, 0, own)
		conn, r := n.rested(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := n.server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown = %v; want no connection to wait for", err)
		}
		if _, err := io.WriteString(conn, pollRequest("", 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadByte(); err == nil {
			t.Error("a server that has left answers")
		}
	})
}

// TestPollGoesAgain: that a client goes is noticed on the second poll of a connection, and on the third, as on the first.
func TestPollGoesAgain(t *testing.T) {
	for polls := 1; polls < 3; polls++ {
		s := newSite(t, Options{}, false)
		put(s.Hub, "cpu", 1)
		conn, r := waitingPoll(t, s, "")
		for i := range polls {
			put(s.Hub, "cpu", int64(i+2))
			readAnswer(t, r, http.StatusOK, fmt.Sprintf(`"version":%d`, i+2))
			_, cursor := s.Snapshot([]string{"cpu"})
			if _, err := io.WriteString(conn, pollRequest(cursor, 25)); err != nil {
				t.Fatal(err)
			}
			eventually(t, func() error {
				if len(s.ended()) != i+1 || waitingPolls(s) != 1 {
					return errors.New("no poll waits")
				}
				return nil
			})
		}
		_ = conn.Close()
		eventually(t, func() error {
			if ends := s.ended(); len(ends) != polls+1 || !errors.Is(ends[polls], errGone) {
				return fmt.Errorf("ended %v; want that the client has gone", ends)
			}
			return nil
		})
	}
}

// recorded is a connection as others wrap them. It remembers the deadline of writes.
type recorded struct {
	net.Conn
	mu   sync.Mutex
	last time.Time // guarded by mu
}

func (c *recorded) SetWriteDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = at
	return c.Conn.SetWriteDeadline(at)
}

// bared is a recorded connection with a descriptor.
type bared struct {
	*recorded
	*net.TCPConn
}

func (c bared) SetWriteDeadline(at time.Time) error { return c.recorded.SetWriteDeadline(at) }
func (c bared) Read(p []byte) (int, error)          { return c.TCPConn.Read(p) }
func (c bared) Write(p []byte) (int, error)         { return c.TCPConn.Write(p) }
func (c bared) Close() error                        { return c.TCPConn.Close() }
func (c bared) LocalAddr() net.Addr                 { return c.TCPConn.LocalAddr() }
func (c bared) RemoteAddr() net.Addr                { return c.TCPConn.RemoteAddr() }
func (c bared) SetDeadline(at time.Time) error      { return c.TCPConn.SetDeadline(at) }
func (c bared) SetReadDeadline(at time.Time) error  { return c.TCPConn.SetReadDeadline(at) }

// recorder accepts recorded connections.
type recorder struct {
	net.Listener
	bare bool
	made chan *recorded
}

func (l recorder) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &recorded{Conn: conn}
	l.made <- c
	if p, ok := conn.(*patient.Conn); l.bare && ok {
		return bared{c, p.Conn.(*net.TCPConn)}, nil
	}
	return c, nil
}

// TestPollElsewhere: on connections that are not those of Listen polls wait, and wait again, and no deadline stays.
func TestPollElsewhere(t *testing.T) {
	made := make(chan *recorded, 1)
	for name, wrap := range map[string]func(net.Listener) net.Listener{
		"wrapped": func(l net.Listener) net.Listener { return recorder{l, false, made} },
		"bare":    func(l net.Listener) net.Listener { return recorder{l, true, made} },
		"plain":   nil,
	} {
		t.Run(name, func(t *testing.T) {
			n := newInn(t, 0, wrap)
			conn, r := waitingPoll(t, n.site, "")
			for v := int64(2); v < 5; v++ {
				put(n.Hub, "cpu", v)
				readAnswer(t, r, http.StatusOK, fmt.Sprintf(`"version":%d`, v))
				_, cursor := n.Snapshot([]string{"cpu"})
				if _, err := io.WriteString(conn, pollRequest(cursor, 25)); err != nil {
					t.Fatal(err)
				}
			}
			if wrap == nil {
				return
			}
			c := <-made
			eventually(t, func() error {
				c.mu.Lock()
				defer c.mu.Unlock()
				if !c.last.IsZero() {
					return fmt.Errorf("a deadline at %v stays", c.last)
				}
				return nil
			})
		})
	}
}

// TestPollPanics: what panics in a poll that waits ends that poll.
func TestPollPanics(t *testing.T) {
	h := NewHub(Options{Epoch: "e", Logger: slog.New(slog.DiscardHandler)})
	defer h.Close()
	put(h, "cpu", 1)
	s := open(t, h, Opening{Topics: []string{"cpu"}})
	defer s.Close()
	here, there := net.Pipe()
	err := s.waitPoll(&pollSocket{hub: h, conn: patient.Wrap(here), early: []byte("G")}, false, time.Now()) // without a header to write to
	if err == nil || !strings.Contains(err.Error(), "panicked") {
		t.Errorf("waitPoll = %v; want that it panicked", err)
	}
	if _, err := there.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("read = %v; want the end", err)
	}
}
