package dashboard

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/pulsewall/pulsewall/feeds"
)

// pipes is a listener whose connections are in memory, so that a site can be in a bubble of synctest.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// bubble is a site in a bubble.
type bubble struct {
	*Dashboard
	t      *testing.T
	client *http.Client
	stop   func()
}

// newBubble runs a dashboard with one feed until stop.
func newBubble(t *testing.T, feed feeds.Feed) *bubble {
	t.Helper()
	d, err := New(Options{Node: "here", Logger: slog.New(slog.DiscardHandler), Boards: []Board{}, Feeds: []feeds.Feed{feed}})
	if err != nil {
		t.Fatal(err)
	}
	listener := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: d}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { _ = server.Serve(listener) })
	wg.Go(func() {
		if err := d.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		listener.conns <- theirs
		return ours, nil
	}}}
	return &bubble{d, t, client, func() {
		cancel()
		client.CloseIdleConnections()
		_ = server.Shutdown(context.Background())
		wg.Wait()
	}}
}
