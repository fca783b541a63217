package client_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/client"
)

// silent says hello and then nothing, on any transport.
func silent(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/live/sse":
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "event: hello\nid: e-0\ndata: %s\n\n", hello)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case "/live/ws":
		closing(time.Hour, 1000)(w, r)
	default:
		if r.URL.Query().Get("wait") == "0" {
			_, _ = fmt.Fprintf(w, `{"cursor":"e-0","events":[{"event":"hello","id":"e-0","data":%s}]}`, hello)
			return
		}
		<-r.Context().Done()
	}
}

// TestSilence gives up a connection that is silent for 2.5 heartbeats.
func TestSilence(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.barred(silent, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/live/poll" {
				silent(w, r)
				return
			}
			problem(w, http.StatusServiceUnavailable, "once more")
		})
		l := listen(t, s.client(client.Options{Transports: []client.Transport{w}}), nil)
		l.want("hello by x")
		began := time.Now()
		l.want("lost")
		if took := time.Since(began); took < 34*time.Second || took > 39*time.Second {
			t.Errorf("lost after %v; want 2.5 heartbeats", took)
		}
		l.want("hello by " + names[w])
	})
}

// TestLate asks when a due reading does not come, and takes a connection that holds it back for a bad one.
func TestLate(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.put("cpu", 1) // due in 10 s
		l := listen(t, s.client(client.Options{Transports: []client.Transport{w}, Subs: []string{"cpu"}}), nil)
		l.want("hello by "+names[w], "reading cpu 1 of 1")
		s.requests()
		l.nothing(35 * time.Second) // the source is slow, and the connection is kept
		asked := 0
		for _, r := range s.requests() {
			if containsWait(r) {
				asked++
			}
		}
		if most := map[client.Transport]int{client.WebSocket: 0, client.SSE: 2, client.LongPoll: 2}[w]; asked > most || w != client.WebSocket && asked == 0 {
			t.Errorf("asked %d times beside the stream; want one in a heartbeat", asked)
		}
		s.put("cpu", 2)
		l.want("reading cpu 2 of 1")
	})
}

// TestHeldBack: a proxy delivers hello and the first reading, and holds back the rest.
func TestHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		s.put("cpu", 1)
		first := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			now := time.Now()
			_, _ = fmt.Fprintf(w, "event: hello\nid: e-0\ndata: {\"heartbeat\":15,\"subs\":[\"cpu\"],\"transport\":\"x\",\"time\":%q}\n\nevent: reading\ndata: %s\n\n", stamp(now),
				shown{"cpu", 1, now.Add(10 * time.Second)}.Encode(0, false))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
		s.barred(first, nil, first)
		l := listen(t, s.client(client.Options{Transports: []client.Transport{client.SSE, client.LongPoll}, Subs: []string{"cpu"}}), nil)
		l.want("hello by x", "reading cpu 1 of 1")
		time.Sleep(5 * time.Second)
		s.put("cpu", 2)
		began := time.Now()
		l.want("lost", "hello by x", "reading cpu 1 of 1", "lost", "hello by poll", "reading cpu 2 of 2")
		if took := time.Since(began); took > 40*time.Second {
			t.Errorf("the reading came after %v; want it soon after it was due", took)
		}
	})
}

// TestSlowLoop: a loop that takes its time gets each message once, in order, and the newest reading.
func TestSlowLoop(t *testing.T) {
	onEach(t, func(t *testing.T, s *site, w client.Transport) {
		s.put("cpu", 1)
		c := s.client(client.Options{Transports: []client.Transport{w}, Subs: []string{"cpu"}})
		busy := make(chan time.Duration, 1)
		l := listen(t, c, func(e client.Event) {
			select {
			case d := <-busy:
				time.Sleep(d)
			default:
			}
		})
		l.want("hello by "+names[w], "reading cpu 1 of 1")
		busy <- 5 * time.Minute
		for n := range 300 {
			s.sayAll(fmt.Sprint(n))
			s.put("cpu", int64(n+2))
		}
		time.Sleep(time.Second)
		next := 0
		for next < 300 {
			switch got := <-l.lines; got {
			case fmt.Sprintf("message %q", fmt.Sprint(next)):
				next++
			case "lost", "heartbeat", "hello by " + names[w]:
			default:
				if got[:7] != "reading" {
					t.Fatalf("got %s; want message %d", got, next)
				}
			}
		}
	})
}

func containsWait(request string) bool {
	return len(request) > 14 && request[:14] == "GET /live/poll" && request[len(request)-6:] == "wait=0"
}
