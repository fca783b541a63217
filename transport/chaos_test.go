package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TestChaos lets hundreds of sessions open, close, subscribe, hop and lag at random over sockets, while readings and messages flow;
// the race detector and goleak look on. At the end nobody is counted any more, and each has got what was for it in order.
func TestChaos(t *testing.T) { testChaos(t, nil) }

// TestChaosWithRoster is the same where presence is the cluster's; its roster is empty at the end, too.
func TestChaosWithRoster(t *testing.T) {
	w := newTown()
	testChaos(t, member{w, "n"})
	w.mu.Lock()
	defer w.mu.Unlock()
	for user, e := range w.entries["n"] {
		if len(e.Streams)+len(e.Rooms) > 0 {
			t.Errorf("left of user %q: %+v", user, e)
		}
	}
}

func testChaos(t *testing.T, roster Roster) {
	s := newSite(t, Options{
		Keep: 200, Heartbeat: 20 * time.Millisecond, WriteTimeout: 200 * time.Millisecond, PollerFor: time.Millisecond, Roster: roster,
	}, false)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := int64(1); ctx.Err() == nil; n++ {
			say(s.Hub, n, [...]Address{everybody, {Room: "r1"}, {Users: []string{"3"}}}[n%3])
			put(s.Hub, fmt.Sprint("t", n%5), n)
			if n%50 == 0 {
				s.Changed()
			}
			if n%500 == 0 {
				_ = s.Probe(ctx)
				s.Users()
				s.Stats()
				s.Messages(ctx, Reader{UnionID: "3"}, "", 10)
				s.Snapshot([]string{"t1", "t2"})
			}
			pause(ctx, time.Millisecond)
		}
	})
	for i := range 300 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 7)) // #nosec G115,G404 -- the same chaos each time
			for at := ""; ctx.Err() == nil; {
				var err error
				if at, err = chaos(ctx, s, r, i, at); err != nil {
					t.Errorf("client %d: %v", i, err)
					return
				}
			}
		})
	}
	wg.Wait()
	eventually(t, func() error {
		if n := s.Presence().Connections; n > 0 {
			return fmt.Errorf("%d connections left", n)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.Hub.mu.RLock()
		defer s.Hub.mu.RUnlock()
		if n := sessions(s.Hub) + watched(s.Hub) + len(s.roll.rooms) + len(s.roll.users) + s.roll.idle.Len() + len(s.roll.here); n > 0 {
			return fmt.Errorf("%d things left in the hub", n)
		}
		return nil
	})
	t.Logf("%d streams ended; %+v", len(s.ended()), s.Stats())
}

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// chaos is one connection of one client, from its cursor to the next one.
func chaos(ctx context.Context, s *site, r *rand.Rand, i int, at string) (string, error) {
	q := query("unionId", strconv.Itoa(i%7), "session", fmt.Sprint("tab", i), "room", fmt.Sprint("r", i%3), "sub", fmt.Sprint("t", i%5), "presence", "1")
	if at != "" {
		q.Set("after", at)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address())
	if err != nil {
		return at, nil // the time is up
	}
	defer func() { _ = conn.Close() }()
	if r.IntN(3) == 0 {
		return at, abandon(conn, q.Encode(), r)
	}
	c, err := shakeHands(conn, s, q, nil)
	if err != nil || c.response.StatusCode != 101 {
		return at, err
	}
	last := int64(-1)
	for range r.IntN(30) {
		switch r.IntN(12) {
		case 0:
			c.text(fmt.Sprintf(`{"op":"subscribe","sub":"t%d"}`, r.IntN(5)))
		case 1:
			c.text(fmt.Sprintf(`{"op":"unsubscribe","sub":"t%d"}`, r.IntN(5)))
		case 2:
			c.text(fmt.Sprintf(`{"op":"leave","room":"r%d"}`, r.IntN(3)))
		case 3:
			c.text("wrong")
		case 4:
			c.send(final|ping, nil)
		case 5:
			pause(ctx, time.Duration(r.IntN(50))*time.Millisecond) // lags
		}
		e, err := c.next()
		if errors.Is(err, errInvalid) || errors.Is(err, errNothing) {
			return at, err
		}
		if err != nil {
			return at, nil // closed
		}
		if e.Event == "message" {
			n, err := strconv.ParseInt(word(e.Event, e.Data)[len("message "):], 10, 64)
			if err != nil || n <= last {
				return at, fmt.Errorf("message %d after %d, %w", n, last, err)
			}
			last = n
		}
		if e.ID != "" {
			at = e.ID
		}
	}
	if r.IntN(2) == 0 {
		return at, sayGoodbye(c)
	}
	return at, nil
}

// sayGoodbye closes properly and reads to the end.
func sayGoodbye(c *wsClient) error {
	c.send(final|closes, nil)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for {
		if _, err := c.message(); errors.Is(err, errInvalid) || errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		} else if err != nil {
			return nil //nolint:nilerr // the end, as it should be
		}
	}
}

// abandon asks for an SSE stream or a poll, reads a little and goes.
func abandon(conn net.Conn, query string, r *rand.Rand) error {
	way := [...]string{"sse", "poll"}[r.IntN(2)]
	if _, err := fmt.Fprintf(conn, "GET /live/%s?%s HTTP/1.1\r\nHost: x\r\n\r\n", way, query); err != nil {
		return nil //nolint:nilerr // the server has gone, which is no fault of a stream
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Duration(r.IntN(60)) * time.Millisecond))
	b := make([]byte, 1+r.IntN(8000))
	for {
		if _, err := conn.Read(b); err != nil {
			return nil //nolint:nilerr // the time to read was short on purpose
		}
	}
}
