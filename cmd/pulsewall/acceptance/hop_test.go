package acceptance

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// hopper is a client that keeps its position while it goes from one transport to another.
type hopper struct {
	t       *testing.T
	site    *site
	after   string
	session string
	next    int // number of the message that must come next
	hops    map[string]int
}

// fewest messages are sent, however slow the machine is.
const fewest = 200

// TestHop lets a client hop between the transports at random while messages flow: each comes once and in order. It takes
// 10 s, or PULSEWALL_LONG (2m, by the task "long").
func TestHop(t *testing.T) {
	t.Parallel()
	span := 10 * time.Second
	if long := os.Getenv("PULSEWALL_LONG"); long != "" {
		var err error
		if span, err = time.ParseDuration(long); err != nil {
			t.Fatalf("PULSEWALL_LONG: %v", err)
		}
	}
	s := newSite(t, dashboard.Options{
		Feeds:  []feeds.Feed{{Name: "counter", Source: &counter{whole: true, rows: 25}, Interval: time.Second}},
		Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "counter"}}}},
		Limits: dashboard.Limits{MessagesPerSecond: 10_000},
	})
	h := &hopper{t: t, site: s, hops: make(map[string]int)}
	h.hop("poll", 0) // a position to start from

	ctx, stop := context.WithTimeout(t.Context(), span)
	defer stop()
	sent := make(chan int, 1)
	var sender sync.WaitGroup
	sender.Go(func() { sent <- sendNumbers(ctx, t, s) })
	t.Cleanup(sender.Wait)
	total := 0
	for done := false; !done; {
		h.hop([]string{"websocket", "sse", "poll"}[rand.IntN(3)], time.Duration(rand.IntN(400))*time.Millisecond)
		select {
		case total = <-sent:
			done = true
		default:
		}
	}
	for range 100 {
		if h.next == total {
			break
		}
		h.hop("poll", 0)
	}
	if h.next != total {
		t.Errorf("%d messages came; %d were sent", h.next, total)
	}
	t.Logf("%d messages over %v hops", total, h.hops)
}

// TestHopRooms has clients hop between the transports of one node while they leave and join rooms, in band and from one connection to the
// next: what is said to all, to rooms, to users and to users in rooms comes to whom it is for, once and in order, and to nobody else.
func TestHopRooms(t *testing.T) {
	t.Parallel()
	s := newSite(t, dashboard.Options{
		Feeds:  []feeds.Feed{{Name: "counter", Source: &counter{whole: true, rows: 25}, Interval: time.Second}},
		Boards: []dashboard.Board{{Name: "d", Title: "D", Panels: []dashboard.Panel{{Name: "c", Title: "C", Feed: "counter"}}}},
		Limits: dashboard.Limits{MessagesPerSecond: 10_000},
	})
	j := &journey{fleet: &fleet{t: t}}
	nomads, every, span := 16, 50*time.Millisecond, 5*time.Second // what a busy machine can do beside other tests
	if isLong() {
		nomads, every, span = 60, 5*time.Millisecond, 30*time.Second
	}
	j.depart([]*site{s}, nomads, 0)
	j.send(2, every, span, func(time.Time) {})
	j.arrive(time.Minute)
	v := j.judge()
	v.log(t)
	j.moved()
	if len(v.resets) > 0 {
		t.Errorf("%d resets while all is kept", len(v.resets))
	}
	j.fromTheBeginning(v)
}

// sendNumbers sends 0, 1, 2 … one after the other, to all, to the user and to the room in turn, until ctx ends and they are
// enough, and returns how many.
func sendNumbers(ctx context.Context, t *testing.T, s *site) int {
	to := []any{map[string]any{"all": true}, map[string]any{"users": []string{"7"}}, map[string]any{"room": "r"},
		map[string]any{"room": "r", "users": []string{"7"}}}
	for n := 0; ; n++ {
		message := map[string]any{"to": to[n%len(to)], "data": n, "key": fmt.Sprint("n", n), "unionId": "1"}
		for again := 0; again <= n%2; again++ { // a repeat of the same key is no second message
			if err := s.send(t.Context(), message); err != nil {
				if t.Context().Err() == nil {
					t.Errorf("message %d: %v", n, err)
				}
				return n
			}
		}
		if n%5 == 0 { // and one that is not for the client
			if err := s.send(t.Context(), map[string]any{"to": map[string]any{"users": []string{"8"}}, "data": -1, "unionId": "1"}); err != nil && t.Context().Err() == nil {
				t.Errorf("message to another: %v", err)
			}
		}
		if ctx.Err() != nil && n >= fewest {
			return n + 1
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.IntN(20)) * time.Millisecond):
		}
	}
}

// hop opens a transport from the position of now and leaves it after d, wherever it is then.
func (h *hopper) hop(transport string, d time.Duration) {
	h.t.Helper()
	h.hops[transport]++
	query := url.Values{"unionId": {"7"}, "room": {"r"}, "feed": {"counter"}}
	if h.after != "" {
		query.Set("after", h.after)
		query.Set("session", h.session)
	}
	if transport == "poll" {
		query.Set("wait", fmt.Sprint(int(d.Seconds()*2.5)))
		got, err := h.site.poll(h.t.Context(), query.Encode())
		if err != nil {
			h.t.Fatalf("poll: %v", err)
		}
		for _, e := range got.Events {
			h.take(transport, e)
		}
		h.after = got.Cursor
		return
	}
	var c stream
	var err error
	if transport == "sse" {
		c, err = h.site.sse(h.t.Context(), query.Encode())
	} else {
		c, err = h.site.socket(h.t.Context(), query.Encode())
	}
	if err != nil {
		h.t.Fatalf("%s: %v", transport, err)
	}
	defer c.close()
	defer within(c, d)()
	for {
		e, err := c.next()
		if err != nil {
			return
		}
		h.take(transport, e)
	}
}

func (h *hopper) take(transport string, e event) {
	h.t.Helper()
	if e.ID != "" {
		h.after = e.ID
	}
	switch e.Event {
	case "hello":
		var hello struct{ Session string }
		if err := json.Unmarshal(e.Data, &hello); err != nil || hello.Session == "" {
			h.t.Fatalf("hello %s: %v", e.Data, err)
		}
		h.session = hello.Session
	case "reset":
		h.t.Fatalf("%s: reset %s while all is kept", transport, e.Data)
	case "message":
		var m struct {
			ID   string
			Data int
		}
		if err := json.Unmarshal(e.Data, &m); err != nil || m.ID != e.ID || e.ID == "" {
			h.t.Fatalf("message %s with id %q: %v", e.Data, e.ID, err)
		}
		if m.Data != h.next {
			h.t.Fatalf("%s brought message %d; want %d", transport, m.Data, h.next)
		}
		h.next++
	}
}
