package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// TestHubCloseSaysGoodbye: a WebSocket gets 1001.
func TestHubCloseSaysGoodbye(t *testing.T) {
	s := newSite(t, Options{}, false)
	c := dialWS(t, s, query(), nil)
	wants(t, "first", reads(t, c, 1), "hello")
	closed := make(chan struct{})
	go func() { s.Hub.Close(); close(closed) }()
	wants(t, "comes back", reads(t, c, 1), "closed 1001 ")
	<-closed
	if ends := s.ended(); len(ends) > 1 {
		t.Errorf("ended %v; want one at most", ends)
	}
}

// TestGoodbyeWithoutAnswer: a peer that does not say goodbye in turn, but goes on talking, is waited for 2 s, no more.
func TestGoodbyeWithoutAnswer(t *testing.T) {
	t.Parallel()
	s := newSite(t, Options{}, false)
	c := dialWS(t, s, query(), nil)
	wants(t, "first", reads(t, c, 1), "hello")
	go s.Hub.Close()
	for {
		f, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if f.op() == closes {
			break
		}
	}
	c.ended = true
	for range 100 {
		c.text(`{"op":"ping"}`)
	}
	if _, err := c.read(); errors.Is(err, errInvalid) {
		t.Error(err)
	}
	eventually(t, func() error {
		if len(s.ended()) == 0 {
			return errors.New("still open")
		}
		return nil
	})
}

// TestEventInAGoodbye: what comes while the server waits for the answer to its close frame neither cuts that short nor hides why it was said.
func TestEventInAGoodbye(t *testing.T) {
	for _, attached := range []bool{false, true} {
		t.Run(fmt.Sprintf("attached %v", attached), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, Options{attached: attached}, false)
			c := dialWS(t, s, query(), nil)
			wants(t, "first", reads(t, c, 1), "hello")
			c.raw(masked(final|txt, make([]byte, 70<<10))[:68<<10]) // more than it may be
			if f, err := c.read(); err != nil || f.op() != closes {
				t.Fatalf("%v, %v; want a close frame", f, err)
			}
			say(s.Hub, 1, everybody)
			eventually(t, func() error {
				s.mu.Lock()
				ended := len(s.ends)
				s.mu.Unlock()
				if st := stateOf(s.Hub); st != silenced && ended == 0 && !attached {
					return fmt.Errorf("state %d; want it tried", st)
				}
				return nil
			})
			c.send(final|closes, closePayload(1009, ""))
			eventually(t, func() error {
				if ends := s.ended(); len(ends) != 1 || errors.Is(ends[0], patient.ErrSaid) || !strings.Contains(ends[0].Error(), "read") {
					return fmt.Errorf("ended %v; want why it could not be read", ends)
				}
				return nil
			})
		})
	}
}

// stateOf is the state of the one stream of a hub.
func stateOf(h *Hub) (st streamState) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, sh := range h.shards {
		sh.mu.Lock()
		for _, s := range sh.sessions {
			st = s.state
		}
		sh.mu.Unlock()
	}
	return st
}

// TestFirstCause: why a session was ended counts, whatever its stream meets afterwards.
func TestFirstCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		defer h.Close()
		s, err := h.open(Opening{}, WebSocket)
		if err != nil {
			t.Fatal(err)
		}
		var why error
		s.begin(newTap(1<<30), wsPlain, nil, func(err error) { why = err })
		s.shard.mu.Lock()
		s.cause = ErrTokenEnded // as End does, before it tells the stream
		s.shard.mu.Unlock()
		s.stream.end(net.ErrClosed)
		synctest.Wait()
		if !errors.Is(why, ErrTokenEnded) {
			t.Errorf("ended = %v; want ErrTokenEnded", why)
		}
	})
}

// TestTokenEndsEventStream: it says bye once it has taken what was before, and ends for that cause.
func TestTokenEndsEventStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(Options{})
		defer h.Close()
		s, err := h.open(Opening{}, SSE)
		if err != nil {
			t.Fatal(err)
		}
		var why error
		out := newTap(10) // in the middle of hello
		s.begin(out, ssePlain, nil, func(err error) { why = err })
		s.End(ErrTokenEnded)
		s.End(ErrTokenEnded)
		synctest.Wait()
		if why != nil {
			t.Errorf("ended with %v before it said so", why)
		}
		out.open(1 << 20)
		synctest.Wait()
		if said := string(out.out); !strings.Contains(said, "event: hello") || strings.Count(said, `"reason":"the token ended"`) != 1 || !errors.Is(why, ErrTokenEnded) {
			t.Errorf("ended with %v after %q; want %v after hello and bye", why, said, ErrTokenEnded)
		}
	})
}

// TestEndedBeforeItOpens: who was ended in the meantime is refused, with the cause and before anything is written.
func TestEndedBeforeItOpens(t *testing.T) {
	h := newTestHub(t, Options{})
	ctx, end := context.WithCancelCause(t.Context())
	end(ErrWithdrawn)
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live", nil)
	never := func(error) { t.Error("told of an end, though it was refused") }
	for name, serve := range map[string]func(w http.ResponseWriter) error{
		"WebSocket": func(w http.ResponseWriter) error {
			_, err := h.ServeWebSocket(w, r, Opening{}, obey, never)
			return err
		},
		"SSE": func(w http.ResponseWriter) error { _, err := h.ServeSSE(w, r, Opening{}, never); return err },
	} {
		w := httptest.NewRecorder()
		if err := serve(w); !errors.Is(err, ErrWithdrawn) || len(w.Header())+w.Body.Len() > 0 || sessions(h) > 0 {
			t.Errorf("%s = %v, header %v, body %q; want ErrWithdrawn and nothing written", name, err, w.Header(), w.Body)
		}
	}
}

// TestDrainWaitsForGoodbyes: when Drain returns, the close frames are out, so that the program may end.
func TestDrainWaitsForGoodbyes(t *testing.T) {
	s := newSite(t, Options{}, false)
	const n = 20
	peers := make([]*wsClient, n)
	for i := range peers {
		peers[i] = dialWS(t, s, query(), nil)
		wants(t, "first", reads(t, peers[i], 1), "hello")
	}
	drained := make(chan error, 1)
	go func() { drained <- s.Drain(t.Context()) }()
	for _, c := range peers {
		wants(t, "drained", reads(t, c, 2), "bye, closed 1012 restart")
	}
	if err := <-drained; err != nil || sessions(s.Hub) > 0 {
		t.Errorf("Drain = %v with %d sessions; want none", err, sessions(s.Hub))
	}
}

// TestDrainDoesNotWaitForTheSilent: clients that never answer the close frame hold Drain for 2 s, not for 2 s each.
func TestDrainDoesNotWaitForTheSilent(t *testing.T) {
	t.Parallel()
	s := newSite(t, Options{}, false)
	const n = 30
	for range n {
		wants(t, "first", reads(t, dialWS(t, s, query(), nil), 1), "hello")
	}
	began := time.Now()
	err := s.Drain(t.Context())
	if took := time.Since(began); err != nil || took > n*time.Second || judged() && took > 3500*time.Millisecond {
		t.Errorf("Drain = %v after %v; want nil after 2 s", err, took)
	}
}

// TestHubCloseEndsWritesThatWait: a client that does not read delays nothing.
func TestHubCloseEndsWritesThatWait(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, Options{WriteTimeout: time.Minute}, secure)
			for _, request := range []string{"", "GET /live/sse?sub=cpu HTTP/1.1\r\nHost: x\r\n\r\n"} {
				conn, err := connect(t, s), error(nil)
				if request == "" {
					_, err = shakeHands(conn, s, query("sub", "cpu"), nil)
				} else {
					_, err = io.WriteString(conn, request)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, func() error {
				if n := s.Stats().Sessions; n[WebSocket]+n[SSE] != 2 {
					return fmt.Errorf("%v; want both", n)
				}
				return nil
			})
			s.Put(NewUpdate("cpu", 1, 0, text{"cpu", 1, 2 << 20})) // more than any buffer takes
			eventually(t, func() error {
				if s.Stats().Deliveries[WebSocket]+s.Stats().Deliveries[SSE] != 2 {
					return errors.New("no hello yet")
				}
				return nil
			})
			closed := make(chan struct{})
			go func() { s.Hub.Close(); close(closed) }()
			select {
			case <-closed:
			case <-time.After(patience):
				t.Error("Close waits for clients that do not read")
			}
		})
	}
}
