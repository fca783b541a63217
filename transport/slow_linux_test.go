package transport

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// narrow is a connection with a small receive buffer, so that little hides in the kernel.
func narrow(t testing.TB, s *site) net.Conn {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var failed error
		err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10) }) // #nosec G115 -- a descriptor
		return errors.Join(err, failed)
	}}
	conn, err := dialer.DialContext(t.Context(), "tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

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

// TestStoppedReaderAmongThousand: it is closed after the write timeout, costs a bounded amount, and delays nobody.
func TestStoppedReaderAmongThousand(t *testing.T) {
	const timeout = 2 * time.Second // under the race detector others may need a while
	s := newSite(t, Options{WriteTimeout: timeout}, false)
	var wg sync.WaitGroup
	defer wg.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var heard atomic.Int64
	var worst atomic.Int64 // ns
	for i := range 998 {
		c := ways()[3*(i%2)].dial(t, s, query("sub", "cpu")) // ws or sse
		wg.Go(func() {
			for {
				e, err := c.next()
				if err != nil {
					if ctx.Err() == nil {
						t.Errorf("client %d: %v", i, err)
					}
					return
				}
				var d struct{ At time.Time }
				if e.Event == "reading" && json.Unmarshal(e.Data, &d) == nil {
					heard.Add(1)
					for age := int64(time.Since(d.At)); ; {
						if old := worst.Load(); age <= old || worst.CompareAndSwap(old, age) {
							break
						}
					}
				}
			}
		})
		t.Cleanup(c.close)
	}
	eventually(t, func() error {
		if n := s.Stats().Sessions; n[WebSocket]+n[SSE] != 998 {
			return fmt.Errorf("%v sessions; want 998", n)
		}
		return nil
	})
	stopped, err := shakeHands(narrow(t, s), s, query("sub", "cpu"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(narrow(t, s), "GET /live/sse?sub=cpu HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	before := heap()
	began := time.Now()
	for v := int64(1); s.Stats().SlowCloses < 2; v++ {
		s.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, 4000}))
		pause(t.Context(), 200*time.Millisecond)
		if time.Since(began) > 30*time.Second {
			t.Fatalf("%d slow closes after 30 s; want 2", s.Stats().SlowCloses)
		}
	}
	took, grown := time.Since(began), int64(heap())-int64(before) // #nosec G115 -- far below
	t.Logf("closed after %v; the others got %d readings, the oldest %v old; heap grew by %d KiB",
		took, heard.Load(), time.Duration(worst.Load()), grown>>10)
	if grown > 40<<20 {
		t.Errorf("heap grew by %d bytes; want it bounded", grown)
	}
	if late := time.Duration(worst.Load()); late > 2*time.Second {
		t.Errorf("another client got a reading %v late", late)
	}
	for _, err := range s.ended() {
		if !errors.Is(err, wsconn.ErrSlow) {
			t.Errorf("a stream ended with %v; want ErrSlow", err)
		}
	}
	if !ending(t, stopped) {
		t.Error("not told why; want 4408")
	}
	cancel()
	s.Hub.Close()
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// ending reads what the kernel still holds for a client that stopped: whole frames, and says whether 4408 came at last.
func ending(t *testing.T, c *wsClient) (told bool) {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		_, err := c.message()
		if err != nil {
			t.Logf("ends with %v", err)
			return err.Error() == "closed 4408 too slow"
		}
	}
}

// TestTooSlowIsTold: who reads on within the time for goodbyes gets the rest of the frame and the reason.
func TestTooSlowIsTold(t *testing.T) {
	for _, size := range []int{0, 100, 4000, 100_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, Options{WriteTimeout: 500 * time.Millisecond}, false)
			c, err := shakeHands(narrow(t, s), s, query("sub", "cpu"), nil)
			if err != nil {
				t.Fatal(err)
			}
			fill(t, s, func(v int64) { s.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, size})) })
			if !ending(t, c) {
				t.Error("not told why; want 4408")
			}
		})
	}
}

// fill puts readings until somebody is closed for slowness.
func fill(t *testing.T, s *site, put func(v int64)) (took time.Duration) {
	t.Helper()
	began := time.Now()
	last, seen := began, uint64(0)
	for v := int64(1); s.Stats().SlowCloses == 0; v++ {
		put(v)
		pause(t.Context(), time.Millisecond)
		if n := s.Stats().Deliveries[WebSocket] + s.Stats().Deliveries[SSE]; n != seen {
			last, seen = time.Now(), n // something went out
		}
		if time.Since(began) > 30*time.Second {
			t.Fatal("nobody is closed in 30 s")
		}
	}
	return time.Since(last)
}

// TestWriteTimeout takes the real 10 s.
func TestWriteTimeout(t *testing.T) {
	for _, w := range []struct {
		name, request string
		secure        bool
	}{{"ws", "", false}, {"sse", "GET /live/sse?sub=cpu HTTP/1.1\r\nHost: x\r\n\r\n", false}} {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, Options{}, w.secure)
			conn := narrow(t, s)
			var err error
			if w.request == "" {
				_, err = shakeHands(conn, s, query("sub", "cpu"), nil)
			} else {
				_, err = io.WriteString(conn, w.request)
			}
			if err != nil {
				t.Fatal(err)
			}
			took := fill(t, s, func(v int64) { s.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, 3000})) })
			t.Logf("closed %v after the last write", took.Round(time.Millisecond))
			if took < 9*time.Second || took > 13*time.Second {
				t.Errorf("closed %v after the last write; want 10 s", took)
			}
		})
	}
}

// TestSlowReaderKeepsItsStream: a client with a 4 KiB receive buffer that reads 4 KB/s gets 3 KB readings a second, none older than two
// intervals; then readings that do not fit, of which it gets the newest it can, and keeps its stream though each write takes longer than the timeout.
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
			const fitting, n = 8, 14
			wg.Go(func() {
				for v := int64(1); ctx.Err() == nil; v++ {
					size := 2800
					if v > fitting {
						size = 20_000
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
				if d.Version <= fitting && age > 2*time.Second {
					t.Errorf("version %d is %v old; want two intervals at most", d.Version, age)
				}
				if age > 20*time.Second {
					t.Errorf("version %d is %v old; want what the kernel holds and its own length", d.Version, age)
				}
				if got++; d.Version > fitting {
					got += 3 // they take 5 s each
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
