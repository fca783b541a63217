package transport

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
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

// TestStoppedReaderAmongThousand: it is closed after the write timeout, costs a bounded amount, and delays nobody.
func TestStoppedReaderAmongThousand(t *testing.T) {
	const timeout = 10 * time.Second // for who waits behind a stopped reader, if anybody does
	s := newSite(t, Options{WriteTimeout: timeout}, false)
	others := startCrowd(t, s, 998)
	stopped, err := shakeHands(narrow(t, s), s, query("sub", "cpu"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(narrow(t, s), "GET /live/sse?sub=cpu HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	before := heap()
	began := time.Now()
	var usual time.Duration // how late readings are before anybody's buffers are full
	for v := int64(1); s.Stats().SlowCloses < 2; v++ {
		s.Put(NewUpdate("cpu", v, v-1, text{"cpu", v, 4000}))
		pause(t.Context(), 500*time.Millisecond)
		if v == 3 {
			usual = time.Duration(others.worst.Swap(0))
		}
		if time.Since(began) > 4*time.Minute {
			t.Fatalf("%d slow closes after four minutes; want 2", s.Stats().SlowCloses)
		}
	}
	took, late := time.Since(began), time.Duration(others.worst.Load())
	grown := int64(heap()) - int64(before) // #nosec G115 -- far below
	t.Logf("closed after %v; the others got %d readings, the oldest %v old, %v before; heap grew by %d KiB",
		took, others.heard.Load(), late, usual, grown>>10)
	if grown > 40<<20 {
		t.Errorf("heap grew by %d bytes; want it bounded", grown)
	}
	if judged() && (late > timeout/4 || late > 5*usual+time.Second) {
		t.Errorf("another client got a reading %v late; want about %v", late, usual)
	}
	for _, err := range s.ended() {
		if !errors.Is(err, wsconn.ErrSlow) {
			t.Errorf("a stream ended with %v; want ErrSlow", err)
		}
	}
	ending(t, stopped)
	others.stop()
}

// crowd is many clients that read what comes.
type crowd struct {
	heard, worst atomic.Int64 // readings, and the age of the oldest in nanoseconds
	stop         func()
}

// startCrowd starts n clients of cpu, by WebSocket and SSE, and returns when all are there.
func startCrowd(t *testing.T, s *site, n int) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	c := &crowd{stop: func() { cancel(); s.Hub.Close(); wg.Wait() }}
	t.Cleanup(c.stop)
	for i := range n {
		peer := ways()[4*(i%2)].dial(t, s, query("sub", "cpu")) // ws or sse
		wg.Go(func() {
			defer peer.close()
			if err := c.read(peer); ctx.Err() == nil && t.Context().Err() == nil {
				t.Errorf("client %d: %v", i, err)
			}
		})
	}
	eventually(t, func() error {
		if got := s.Stats().Sessions; got[WebSocket]+got[SSE] != n {
			return fmt.Errorf("%v sessions; want %d", got, n)
		}
		return nil
	})
	return c
}

// read reads until the stream ends.
func (c *crowd) read(peer peer) error {
	for {
		e, err := peer.next()
		if err != nil {
			return err
		}
		var d struct{ At time.Time }
		if e.Event != "reading" || json.Unmarshal(e.Data, &d) != nil {
			continue
		}
		c.heard.Add(1)
		for age := int64(time.Since(d.At)); ; {
			if old := c.worst.Load(); age <= old || c.worst.CompareAndSwap(old, age) {
				break
			}
		}
	}
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
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
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
		if time.Since(began) > 2*time.Minute {
			t.Fatal("nobody is closed in two minutes")
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
			if took < 5*time.Second || judged() && (took < 9*time.Second || took > 13*time.Second) {
				t.Errorf("closed %v after the last write; want 10 s", took)
			}
		})
	}
}
