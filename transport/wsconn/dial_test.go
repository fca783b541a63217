package wsconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// endpoint serves what accepted does with a connection, on a server that ends with the test.
func endpoint(t *testing.T, secure bool, opts Options, accepted func(c *Conn)) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := Accept(w, r, opts)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		tended(c, func() { accepted(c) })
	}))
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server
}

// tended runs use while the connection is tended.
func tended(c *Conn, use func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = c.Tend(ctx, 15*time.Second, 35*time.Second) })
	use()
	cancel()
	wg.Wait()
}

// echo sends back whatever comes.
func echo(c *Conn) {
	for {
		p, err := c.Read()
		if err != nil || c.Send(p) != nil {
			return
		}
	}
}

var plain = Options{ReadLimit: 1 << 20, WriteTimeout: 10 * time.Second}

func dial(t *testing.T, server *httptest.Server, opts Options) *Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel() // the connection outlives it
	c, response, err := Dial(ctx, server.URL, DialOptions{Options: opts, Client: server.Client()})
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("Dial = %v, %v; want 101", response, err)
	}
	t.Cleanup(c.CloseNow)
	return c
}

func TestDial(t *testing.T) {
	for _, binary := range []bool{false, true} {
		for _, secure := range []bool{false, true} {
			t.Run(fmt.Sprintf("binary %v TLS %v", binary, secure), func(t *testing.T) {
				opts := plain
				opts.Binary, opts.Subprotocol = binary, "test.v1"
				c := dial(t, endpoint(t, secure, opts, echo), opts)
				if c.Deflated() {
					t.Error("Deflated; a dialled connection writes no prepared frames")
				}
				tended(c, func() {
					for _, n := range []int{0, 1, 125, 126, 65535, 65536, 1 << 20} {
						want := bytes.Repeat([]byte("ä"), n/2)
						if err := c.Send(want); err != nil {
							t.Fatalf("Send %d bytes: %v", n, err)
						}
						if got, err := c.Read(); err != nil || !bytes.Equal(got, want) {
							t.Fatalf("Read = %d bytes, %v; want the %d that were sent", len(got), err, len(want))
						}
					}
					c.Close(1000, "")
				})
			})
		}
	}
}

// TestWhatClosesDialled: the rules of a connection hold at both ends.
func TestWhatClosesDialled(t *testing.T) {
	tests := []struct {
		name string
		ours Options
		send func(server *Conn) error
		want int
	}{
		{"binary to who speaks text", Options{ReadLimit: 100}, func(c *Conn) error { return c.Write(frame(fin|opBinary, []byte("x"))) }, Unsupported},
		{"text to who speaks binary", Options{ReadLimit: 100, Binary: true}, func(c *Conn) error { return c.Write(frame(fin|opText, []byte("x"))) }, Unsupported},
		{"not UTF-8", Options{ReadLimit: 100}, func(c *Conn) error { return c.Send([]byte("\xff")) }, NotUTF8},
		{"too big", Options{ReadLimit: 100}, func(c *Conn) error { return c.Send(make([]byte, 101)) }, TooBig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code := make(chan int, 1)
			server := endpoint(t, false, plain, func(c *Conn) {
				if err := tt.send(c); err != nil {
					t.Error(err)
				}
				_, err := c.Read()
				code <- CloseCode(err)
			})
			opts := tt.ours
			opts.WriteTimeout = 10 * time.Second
			c := dial(t, server, opts)
			tended(c, func() {
				if p, err := c.Read(); err == nil {
					t.Errorf("Read = %q; want an error", p)
				}
			})
			if got := <-code; got != tt.want {
				t.Errorf("close code %d; want %d", got, tt.want)
			}
		})
	}
}

func TestCloseCode(t *testing.T) {
	for _, want := range []int{GoingAway, ServiceRestart, Replaced} {
		c := dial(t, endpoint(t, false, plain, func(c *Conn) { c.Close(want, "said") }), plain)
		if _, err := c.Read(); CloseCode(err) != want {
			t.Errorf("CloseCode(%v) = %d; want %d", err, CloseCode(err), want)
		}
	}
	c := dial(t, endpoint(t, false, plain, func(c *Conn) { c.CloseNow() }), plain)
	if _, err := c.Read(); err == nil || CloseCode(err) != 0 {
		t.Errorf("CloseCode(%v) = %d; want none", err, CloseCode(err))
	}
}

func TestDialRefused(t *testing.T) {
	body := strings.Repeat("no ", 5000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, body, http.StatusConflict) }))
	defer server.Close()
	c, response, err := Dial(t.Context(), server.URL, DialOptions{Options: plain})
	if c != nil || err == nil || response == nil || response.StatusCode != http.StatusConflict {
		t.Fatalf("Dial = %v, %v, %v; want a 409 and an error", c, response, err)
	}
	if got, err := io.ReadAll(response.Body); err != nil || strings.TrimSpace(string(got)) != strings.TrimSpace(body) {
		t.Errorf("body has %d bytes, %v; want the %d that were sent", len(got), err, len(body))
	}
}

// TestDialRedirected follows a few redirects, and not for as long as a server likes.
func TestDialRedirected(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
	}))
	defer server.Close()
	if c, _, err := Dial(t.Context(), server.URL, DialOptions{Options: plain}); c != nil || err == nil || asked.Load() > mostRedirects {
		t.Errorf("Dial = %v, %v after %d requests; want an error after %d at most", c, err, asked.Load(), mostRedirects)
	}
}

func TestDialNobody(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	c, response, err := Dial(t.Context(), "ws://"+l.Addr().String(), DialOptions{Options: plain})
	if c != nil || response != nil || err == nil {
		t.Errorf("Dial = %v, %v, %v; want an error alone", c, response, err)
	}
}

type otherTransport struct{ http.RoundTripper }

func TestDialThroughOther(t *testing.T) {
	_, _, err := Dial(t.Context(), "ws://127.0.0.1:1", DialOptions{Client: &http.Client{Transport: otherTransport{}}})
	if err == nil || !strings.Contains(err.Error(), "want an *http.Transport") {
		t.Errorf("Dial = %v; want it to say which transport", err)
	}
}

// TestPing asks in both directions, and a peer that reads nothing.
func TestPing(t *testing.T) {
	deaf := make(chan struct{})
	answered := make(chan error, 1)
	server := endpoint(t, false, plain, func(c *Conn) {
		var wg sync.WaitGroup
		wg.Go(func() { answered <- c.Ping(context.Background()) })
		_, _ = c.Read() // one message, then no more
		<-deaf
		wg.Wait()
	})
	c := dial(t, server, plain)
	tended(c, func() {
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { _, _ = c.Read() })
		if err := c.Ping(t.Context()); err != nil {
			t.Errorf("Ping = %v; want the server to answer", err)
		}
		if err := <-answered; err != nil {
			t.Errorf("the server's Ping = %v; want an answer", err)
		}
		if err := c.Send([]byte("stop reading")); err != nil {
			t.Fatal(err)
		}
		for { // what was under way may still be heard
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			err := c.Ping(ctx)
			cancel()
			if err != nil {
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Ping = %v; want the context's error", err)
				}
				break
			}
		}
		pinged := make(chan error)
		go func() { pinged <- c.Ping(context.Background()) }()
		c.CloseNow()
		if err := <-pinged; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Ping = %v; want net.ErrClosed", err)
		}
		close(deaf)
	})
}

// TestDialledSlow: a server that takes nothing is given up, with TLS in between too.
func TestDialledSlow(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("TLS %v", secure), func(t *testing.T) {
			done := make(chan struct{})
			server := endpoint(t, secure, plain, func(*Conn) { <-done })
			opts := plain
			opts.WriteTimeout = 300 * time.Millisecond
			c := dial(t, server, opts)
			var err error
			for range 100 { // more than kernels take
				if err = c.Send(make([]byte, 1<<20)); err != nil {
					break
				}
			}
			if !errors.Is(err, ErrSlow) {
				t.Errorf("Send = %v; want ErrSlow", err)
			}
			close(done)
		})
	}
}
