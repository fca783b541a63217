package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/client"
)

// TestInterests changes what comes, from the loop itself, over each transport.
func TestInterests(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.put("cpu", 1)
		c := s.client(client.Options{Transports: []client.Transport{w}, Rooms: []string{"a"}})
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Error(err)
			}
		}
		l := listen(t, c, func(e client.Event) {
			if m, is := e.(client.Message); is && string(m.Data) == `"now"` {
				sub, err := c.Subscribe(t.Context(), "cpu")
				if must(err); sub != "cpu" {
					t.Errorf("Subscribe = %q; want cpu", sub)
				}
				must(c.Join(t.Context(), "b"))
				must(c.Leave(t.Context(), "a"))
				must(c.Leave(t.Context(), "never"))
				var p *client.Problem
				if _, err := c.Subscribe(t.Context(), "bad"); !errors.As(err, &p) || p.Status != 404 {
					t.Errorf("Subscribe(bad) = %v; want a problem", err)
				}
			}
		})
		l.want("hello by " + names[w])
		s.sayAll("now")
		l.want(`message "now"`)
		if w != client.WebSocket {
			l.want("hello by " + names[w])
		}
		l.want("reading cpu 1 of 1")
		s.say("", transport.Address{Room: "a"}, []byte(`"no"`))
		s.say("", transport.Address{Room: "b"}, []byte(`"yes"`))
		l.want(`message "yes"`)
		must(c.Unsubscribe(t.Context(), "cpu"))
		if w != client.WebSocket {
			l.want("hello by " + names[w])
		}
		s.put("cpu", 2)
		s.sayAll("end")
		l.want(`message "end"`)
		l.nothing(time.Second)
		if _, err := c.Subscribe(t.Context(), "cpu"); err != nil {
			t.Error(err)
		}
		if w != client.WebSocket {
			l.want("hello by " + names[w])
		}
		l.want("reading cpu 2 of 2")
		if got := strings.Join(append(c.Subs(), c.Rooms()...), " "); got != "cpu b" {
			t.Errorf("interests %q; want cpu b", got)
		}
	})
}

// TestInterestsAway changes what is wanted while there is no server, and before the loop.
func TestInterestsAway(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		c := s.client(client.Options{Transports: []client.Transport{w}})
		if err := c.Join(t.Context(), "a"); err != nil {
			t.Error(err)
		}
		l := listen(t, c, nil)
		l.want("hello by " + names[w])
		s.stop()
		l.want("lost")
		joined := make(chan error, 1)
		go func() { joined <- c.Join(t.Context(), "b") }()
		time.Sleep(time.Minute)
		s.start()
		l.want("hello by " + names[w])
		if err := <-joined; err != nil {
			t.Error(err)
		}
		for _, room := range []string{"a", "b"} {
			s.say("", transport.Address{Room: room}, []byte(`"`+room+`"`))
			l.want(`message "` + room + `"`)
		}
	})
}

// TestSend places each message once, by whatever way, though answers get lost.
func TestSend(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		c := s.client(client.Options{Transports: []client.Transport{w}, UnionID: "7"})
		before, err := c.Send(t.Context(), client.To{All: true}, "before")
		if err != nil || before.ID != "e-1" || before.Online != 1 {
			t.Errorf("Send before Events = %+v, %v", before, err)
		}
		l := listen(t, c, func(e client.Event) {
			if m, is := e.(client.Message); is && string(m.Data) == `"ask"` {
				if r, err := c.Send(t.Context(), client.To{Users: []string{"7"}}, "answer"); err != nil || r.Online != 1 {
					t.Errorf("Send in the loop = %+v, %v", r, err)
				}
			}
		})
		l.want("hello by " + names[w])
		s.requests()
		s.sayAll("ask")
		l.want(`message "ask"`, `message "answer"`)
		for _, r := range s.requests() {
			if w == client.WebSocket && strings.HasPrefix(r, "POST") {
				t.Errorf("asked %s; want it in band", r)
			}
		}
		lost := 0
		s.mu.Lock()
		s.bar = func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/api/messages" {
				return false
			}
			switch lost++; lost {
			case 1:
				problem(w, http.StatusServiceUnavailable, "not now")
			case 2: // placed, but the answer is lost
				var m struct {
					To   transport.Address
					Data json.RawMessage
					Key  string
				}
				_ = json.NewDecoder(r.Body).Decode(&m)
				s.say(m.Key, m.To, m.Data)
				panic(http.ErrAbortHandler)
			default:
				return false
			}
			return true
		}
		s.mu.Unlock()
		if w == client.WebSocket {
			c = s.client(client.Options{UnionID: "7"}) // which posts
		}
		r, err := c.Send(t.Context(), client.To{All: true}, "once")
		if err != nil || lost != 3 {
			t.Errorf("Send = %+v, %v after %d tries", r, err, lost)
		}
		l.want(`message "once"`)
		l.nothing(time.Minute)
	})
}

// TestSendRefused tells what is wrong and does not try again; where nobody answers it ends with its context.
func TestSendRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		c := s.client(client.Options{})
		_, err := c.Send(t.Context(), client.To{}, "nobody")
		var p *client.Problem
		if !errors.As(err, &p) || p.Status != 400 || len(s.requests()) != 1 {
			t.Errorf("Send to nobody = %v; want one problem", err)
		}
		s.stop()
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		began := time.Now()
		if _, err := c.Send(ctx, client.To{All: true}, 1); err == nil || time.Since(began) != time.Minute {
			t.Errorf("Send without a server = %v after %v", err, time.Since(began))
		}
		if _, err := client.New(client.Options{URL: "wall.example"}).Send(ctx, client.To{All: true}, 1); err == nil {
			t.Error("a URL without a scheme is taken")
		}
	})
}
