package acceptance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// horde is very many clients of WebSockets that look at nothing: they cost a goroutine and a small buffer each. All are closed and waited for
// by end.
type horde struct {
	t      *testing.T
	cancel context.CancelFunc // of what says that they are alive
	wg     sync.WaitGroup
	heard  atomic.Int64 // clients that got more than their hello

	headers string // more of them, each with its line end; not changed after the first client

	mu    sync.Mutex
	conns []net.Conn
	over  bool // no error matters any more
}

// sign is a pong that nobody asked for: who sends one now and then counts as alive.
var sign = []byte{0x8a, 0x80, 0, 0, 0, 0}

// signEvery is often enough for the server's patience of 35 s.
const signEvery = 8 * time.Second

func newHorde(t *testing.T) *horde {
	h := &horde{t: t}
	ctx, cancel := context.WithCancel(context.Background())
	h.cancel = cancel
	h.wg.Go(func() { h.live(ctx) })
	t.Cleanup(h.end)
	return h
}

// live has all clients say now and then that they are there.
func (h *horde) live(ctx context.Context) {
	ticker := time.NewTicker(signEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		h.mu.Lock()
		for _, conn := range h.conns {
			_, _ = conn.Write(sign) // its reader tells if it has broken
		}
		h.mu.Unlock()
	}
}

// end closes what is open.
func (h *horde) end() {
	h.cancel()
	h.mu.Lock()
	h.over = true
	for _, conn := range h.conns {
		_ = conn.Close()
	}
	h.mu.Unlock()
	h.wg.Wait()
}

// watch adds a client of a site, and returns when its stream is open.
func (h *horde) watch(s *site, query string) error {
	addr := strings.TrimPrefix(s.URL, "http://")
	conn, err := net.DialTimeout("tcp", addr, time.Minute)
	if err != nil {
		return err
	}
	in := bufio.NewReaderSize(conn, 1<<10)
	_, err = fmt.Fprintf(conn, "GET /live/ws?%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YSBob3JkZSBvZiB0aGVtIQ==\r\n%s\r\n", query, addr, h.headers)
	if err == nil {
		err = upgraded(in)
	}
	if err != nil {
		return errors.Join(err, conn.Close())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conns = append(h.conns, conn)
	h.wg.Go(func() { h.read(conn, in) })
	return nil
}

func upgraded(in *bufio.Reader) error {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close() // of a refusal; the stream is not a body
	if resp.StatusCode != http.StatusSwitchingProtocols {
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
		return fmt.Errorf("%s: %s", resp.Status, said)
	}
	return nil
}

// read throws away what comes. A reading of the tests that use this is longer than any hello.
func (h *horde) read(conn net.Conn, in *bufio.Reader) {
	const hello = 1 << 10
	_, err := io.CopyN(io.Discard, in, hello)
	if err == nil {
		h.heard.Add(1)
		_, err = io.Copy(io.Discard, in)
	}
	_ = conn.Close()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.over {
		h.t.Errorf("a stream ended: %v", err)
	}
}

// gather adds clients, a few at a time, and waits until all have readings.
func (h *horde) gather(many int, where func(i int) (*site, string)) {
	h.t.Helper()
	const atATime = 50
	var opening sync.WaitGroup
	permits := make(chan struct{}, atATime)
	for i := range many {
		permits <- struct{}{}
		opening.Go(func() {
			defer func() { <-permits }()
			s, query := where(i)
			if err := h.watch(s, query); err != nil {
				h.t.Errorf("client %d: %v", i, err)
			}
		})
	}
	opening.Wait()
	if h.t.Failed() {
		h.t.FailNow()
	}
	eventually(h.t, time.Minute, func() error {
		if n := h.heard.Load(); n < int64(many) {
			return fmt.Errorf("%d of %d have a reading", n, many)
		}
		return nil
	})
}
