package client_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/client"
)

var transports = []client.Transport{client.WebSocket, client.SSE, client.LongPoll}

var names = map[client.Transport]string{client.WebSocket: "websocket", client.SSE: "sse", client.LongPoll: "poll"}

// onEach runs f over each transport in a bubble.
func onEach(t *testing.T, f func(t *testing.T, s *site, w client.Transport)) {
	for _, w := range transports {
		t.Run(string(w), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, newSite(t), w) })
		})
	}
}

// TestEvents: what happens comes, readings whole, and goes on where it was after the server was away.
func TestEvents(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.put("cpu", 4)
		c := s.client(client.Options{Transports: []client.Transport{w}, Subs: []string{"cpu"}})
		l := listen(t, c, nil)
		l.want("hello by "+names[w], "reading cpu 4 of 4")
		s.sayAll("one")
		l.want(`message "one"`)
		s.put("cpu", 5)
		l.want("reading cpu 5 of 4") // the same as the one before
		s.stop()
		l.want("lost")
		s.start()
		s.put("cpu", 7)
		s.sayAll("two")
		l.want("hello by "+names[w], `message "two"`, "reading cpu 7 of 7")
		s.sayAll("three")
		l.want(`message "three"`)
		if state := c.State(); !state.Connected || state.Transport != w || state.Node != "n" {
			t.Errorf("State() = %+v", state)
		}
	})
}

// TestCursor goes on in another process where one was, though little came that has an id.
func TestCursor(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.put("cpu", 4)
		o := client.Options{Transports: []client.Transport{w}, Subs: []string{"cpu"}}
		c := s.client(o)
		l := listen(t, c, nil)
		l.want("hello by "+names[w], "reading cpu 4 of 4")
		s.sayAll("one")
		l.want(`message "one"`)
		s.say("", to8, []byte(`"not for it"`))
		time.Sleep(3 * time.Minute)
		o.After = c.Cursor()
		l.stop()
		synctest.Wait()
		if o.After != "e-2" {
			t.Errorf("Cursor() = %q; want e-2, which it was told in a minute", o.After)
		}
		s.sayAll("two")
		listen(t, s.client(o), nil).want("hello by "+names[w], `message "two"`, "reading cpu 4 of 4")
	})
}

// TestLadder takes rungs away, in different ways.
func TestLadder(t *testing.T) {
	away := map[string]func(w http.ResponseWriter, r *http.Request){
		"refused by a proxy": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) },
		"a login page":       func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"held back":          func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"upgrade eaten":      func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusUpgradeRequired, "a proxy") },
	}
	for name, answer := range away {
		for n := 1; n <= 2; n++ {
			if name == "upgrade eaten" && n == 2 {
				continue
			}
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t)
					s.bar = func(w http.ResponseWriter, r *http.Request) bool {
						for _, gone := range transports[:n] {
							if r.URL.Path == "/live/"+string(gone) {
								answer(w, r)
								return true
							}
						}
						return false
					}
					l := listen(t, s.client(client.Options{}), nil)
					if name != "upgrade eaten" {
						l.want("lost")
					}
					l.want("hello by " + names[transports[n]])
					began := time.Now()
					s.mu.Lock()
					s.bar = nil
					s.mu.Unlock()
					l.want("hello by websocket")
					if took := time.Since(began); took < 25*time.Second || took > time.Minute {
						t.Errorf("better again after %v; want about 30 s", took)
					}
				})
			})
		}
	}
}

// TestRefused ends with the problem, and with nothing that a proxy says.
func TestRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		l := listen(t, s.client(client.Options{Transports: []client.Transport{w}, Subs: []string{"bad"}}), nil)
		err := <-l.ended
		var p *client.Problem
		if !as(err, &p) || p.Status != 404 || p.Detail != "no such feed" {
			t.Errorf("ended with %v; want the problem", err)
		}
	})
}
