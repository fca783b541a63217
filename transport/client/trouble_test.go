package client_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/client"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// barred answers the live addresses in place of the site, the n-th request by the n-th answer; nil, and after the last, the site does.
func (s *site) barred(answers ...http.HandlerFunc) {
	n := 0
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bar = func(w http.ResponseWriter, r *http.Request) bool {
		s.mu.Lock()
		n++
		i := n
		s.mu.Unlock()
		if i > len(answers) || answers[i-1] == nil {
			return false
		}
		answers[i-1](w, r)
		return true
	}
}

const hello = `{"session":"s","node":"n","transport":"x","cursor":"e-0","subs":[],"heartbeat":15,"time":"2000-01-01T00:00:00.000Z"}`

// closing is a WebSocket that says hello and perhaps more, and closes with a code after d.
func closing(d time.Duration, code int, more ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, err := wsconn.Accept(w, r, wsconn.Options{ReadLimit: 1000, WriteTimeout: time.Second})
		if err != nil {
			return
		}
		for _, text := range append([]string{`{"event":"hello","id":"e-0","data":` + hello + `}`}, more...) {
			_ = conn.Write(wsconn.TextFrame([]byte(text)))
		}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for {
				if _, err := conn.Read(); err != nil {
					return
				}
			}
		}()
		select {
		case <-time.After(d):
		case <-gone:
		}
		conn.Close(code, "")
		<-gone
	}
}

// TestCloseCodes comes back when, and on what, the table of the protocol says.
func TestCloseCodes(t *testing.T) {
	const bye = `{"event":"bye","data":{"reason":"restart","retry":20000}}`
	tests := []struct {
		name     string
		server   http.HandlerFunc
		min, max time.Duration
		next     string
	}{
		{"bye", closing(0, 1012, bye), 20 * time.Second, 20 * time.Second, "websocket"},
		{"restart", closing(0, 1012), 0, 3 * time.Second, "websocket"},
		{"overloaded", closing(0, 1013), 5 * time.Second, 5 * time.Second, "websocket"},
		{"overloaded, with a bye", closing(0, 1013, bye), 20 * time.Second, 20 * time.Second, "websocket"},
		{"too slow", closing(2*time.Second, 4408), 0, 0, "websocket"},
		{"not the same", closing(0, 1009), 0, 3 * time.Second, "sse"},
		{"unknown", closing(0, 4999), 0, 3 * time.Second, "websocket"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.barred(tt.server)
				var lost time.Time
				l := listen(t, s.client(client.Options{}), func(e client.Event) {
					if _, is := e.(client.Lost); is {
						lost = time.Now()
					}
				})
				l.want("hello by x")
				if tt.server != nil && tt.min == 20*time.Second {
					l.want("bye")
				}
				if tt.max > 0 {
					l.want("lost")
				}
				l.want("hello by " + tt.next)
				if took := time.Since(lost); tt.max > 0 && (took < tt.min || took > tt.max) {
					t.Errorf("back after %v; want %v to %v", took, tt.min, tt.max)
				}
			})
		})
	}
	for _, code := range []int{4400, 4401, 4403} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t)
				s.barred(closing(0, code, `{"event":"message","id":"e-1","data":{"id":"e-1","data":"last"}}`))
				l := listen(t, s.client(client.Options{}), nil)
				l.want("hello by x", `message "last"`)
				var closed *client.Closed
				if err := <-l.ended; !as(err, &closed) || closed.Code != code {
					t.Errorf("ended with %v; want %d", err, code)
				}
			})
		})
	}
}

// TestStatuses obeys Retry-After, and passes over what a proxy says.
func TestStatuses(t *testing.T) {
	busy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "40")
		problem(w, http.StatusServiceUnavailable, "leaving")
	}
	bad := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "bad gateway", http.StatusBadGateway) }
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.barred(busy)
		l := listen(t, s.client(client.Options{Transports: []client.Transport{w}}), nil)
		l.want("lost")
		began := time.Now()
		l.want("hello by " + names[w])
		if took := time.Since(began); took < 40*time.Second || took > 41*time.Second {
			t.Errorf("back after %v; want 40 s, and 1 s more at most", took)
		}
		l.stop()
		synctest.Wait()
		s.barred(bad, bad, bad, bad)
		l = listen(t, s.client(client.Options{Transports: []client.Transport{w}}), nil)
		l.want("lost", "hello by "+names[w])
	})
}

// TestJitter comes back soon at first and seldom later, at random.
func TestJitter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.stop()
		c := s.client(client.Options{})
		l := listen(t, c, nil)
		l.want("lost")
		time.Sleep(time.Hour)
		if state := c.State(); state.Connected || state.Err == nil || state.Since.IsZero() {
			t.Errorf("State() = %+v; want lost, and why", state)
		}
		s.start()
		began := time.Now()
		l.want("hello by websocket")
		if took := time.Since(began); took > time.Minute {
			t.Errorf("back after %v; want 30 s at most for the attempt, or two", took)
		}
	})
}

// TestBye comes back in the slot that a node gives when it leaves.
func TestBye(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.sayAll("one")
		var slot time.Duration
		l := listen(t, s.client(client.Options{Transports: []client.Transport{w}, After: "earliest"}), func(e client.Event) {
			if bye, is := e.(client.Bye); is {
				slot = bye.Retry
			}
		})
		l.want("hello by "+names[w], `message "one"`)
		time.Sleep(10 * time.Second) // a poll waits by then, and is answered
		began := time.Now()
		if err := s.hub.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		l.want("bye", "lost")
		s.stop()
		s.start()
		s.sayAll("two")
		l.want("hello by "+names[w], `message "two"`)
		if took := time.Since(began); took < slot || took > slot+time.Second {
			t.Errorf("back after %v; want %v", took, slot)
		}
	})
}

// TestOpLost asks again what a connection did not answer, also from within a loop that is given more meanwhile.
func TestOpLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		const message = `{"event":"message","id":"e-%d","data":{"id":"e-%d","data":%d}}`
		s.barred(closing(5*time.Second, 1001, fmt.Sprintf(message, 1, 1, 1), fmt.Sprintf(message, 2, 2, 2)))
		c := s.client(client.Options{})
		l := listen(t, c, func(e client.Event) {
			if m, is := e.(client.Message); is && m.ID == "e-1" {
				if err := c.Join(t.Context(), "r"); err != nil {
					t.Error(err)
				}
				if receipt, err := c.Send(t.Context(), client.To{All: true}, "hi"); err != nil || receipt.ID == "" {
					t.Errorf("Send = %+v, %v", receipt, err)
				}
			}
		})
		go func() {
			time.Sleep(4 * time.Second)
			s.sayAll("1")
			s.sayAll("2")
		}()
		l.want("hello by x", "message 1", "lost", "hello by websocket", `message "2"`, `message "hi"`)
		s.say("", transport.Address{Room: "r"}, []byte(`"in the room"`))
		l.want(`message "in the room"`)
	})
}
