package transport

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// throttled reads at 4 KB/s.
type throttled struct {
	net.Conn
	tick   *time.Ticker
	closed chan struct{}
	close  func()
}

func throttle(t testing.TB, conn net.Conn) net.Conn {
	c := throttled{Conn: conn, tick: time.NewTicker(100 * time.Millisecond), closed: make(chan struct{})}
	c.close = sync.OnceFunc(func() { close(c.closed) })
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (c throttled) Read(p []byte) (int, error) {
	select {
	case <-c.tick.C:
		return c.Conn.Read(p[:min(len(p), 410)])
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c throttled) Close() error {
	c.tick.Stop()
	c.close()
	return c.Conn.Close()
}

// TestSlowReaderKeepsItsStream: a client with a 4 KiB receive buffer that reads 4 KB/s gets 3 KB readings a second (none older than two
// intervals, which is judged with PULSEWALL_LONG); then readings that do not fit, of which it gets the newest it can, and keeps its stream though each write takes longer than the timeout.
func TestSlowReaderKeepsItsStream(t *testing.T) {
	for _, w := range []struct {
		name   string
		secure bool
		dial   func(t testing.TB, s *site) func() (wire, error)
	}{
		{"ws", false, slowWS}, {"wss", true, slowWS}, {"sse", false, slowSSE}, {"sse h2", true, slowSSE},
	} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, Options{WriteTimeout: 4 * time.Second}, w.secure)
			next := w.dial(t, s)
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			const fitting, n = 5, 13
			wg.Go(func() {
				for v := int64(1); ctx.Err() == nil; v++ {
					size := 2800
					if v > fitting {
						size = 18_000
					}
					s.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, size}))
					pause(ctx, time.Second)
				}
			})
			for got := 0; got < n; {
				e, err := next()
				if err != nil {
					t.Fatalf("after %d readings: %v; ended %v", got, err, s.ended())
				}
				var d struct {
					Version int64
					At      time.Time
				}
				if e.Event != "reading" || json.Unmarshal(e.Data, &d) != nil {
					continue
				}
				age := time.Since(d.At)
				t.Logf("version %d, %v old", d.Version, age.Round(time.Millisecond))
				if judged() && d.Version <= fitting && age > 2*time.Second {
					t.Errorf("version %d is %v old; want two intervals at most", d.Version, age)
				}
				if judged() && age > 20*time.Second {
					t.Errorf("version %d is %v old; want what the kernel holds and its own length", d.Version, age)
				}
				if got++; d.Version > fitting {
					got += 3 // they take 4 s and more each
				}
			}
			if n := s.Stats().SlowCloses; n > 0 {
				t.Errorf("%d slow closes; want none", n)
			}
		})
	}
}

func slowWS(t testing.TB, s *site) func() (wire, error) {
	c, err := shakeHands(over(t, s, throttle(t, narrow(t, s))), s, query("sub", "cpu"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() (wire, error) {
		p, err := c.message()
		var e wire
		return e, errors.Join(err, json.Unmarshal(p, &e))
	}
}

func slowSSE(t testing.TB, s *site) func() (wire, error) {
	transport := s.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return throttle(t, narrow(t, s)), nil }
	transport.HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 4 << 10}
	response, err := (&http.Client{Transport: transport}).Get(s.URL + "/live/sse?sub=cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close(); transport.CloseIdleConnections() })
	body := bufio.NewReaderSize(response.Body, 512)
	return func() (e wire, err error) {
		for {
			line, err := body.ReadString('\n')
			if err != nil || line == "\n" {
				return e, err
			}
			switch field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); field {
			case "event":
				e.Event = value
			case "data":
				e.Data = json.RawMessage(value)
			}
		}
	}
}
