//go:build linux

package ours

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

const (
	// keptMessages is how many messages a node keeps for who comes back.
	keptMessages = 10_000
	// anyRate is a limit that no run reaches: one sender publishes for all.
	anyRate = 1_000_000
	// The server's patience, as in cmd/pulsewall.
	writeTimeout   = 10 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 32 << 10
)

// serveProduct is the whole product. What is published is a message to all.
func serveProduct(ctx context.Context, out io.Writer) error {
	d, err := dashboard.New(dashboard.Options{
		Node: "bench", Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Feeds:  []feeds.Feed{{Name: "still", Source: still{}, Interval: time.Hour}}, // what the built-in ones cost is no delivery
		Limits: dashboard.Limits{MessagesPerSecond: anyRate},
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() {
		defer cancel()
		ran <- d.Run(ctx)
	}()
	err = serveHandler(ctx, out, d, func(payload []byte) error { return post(d, payload) })
	cancel()
	return errors.Join(err, <-ran)
}

// post sends a message to all as any client does.
func post(h http.Handler, payload []byte) error {
	data, err := json.Marshal(string(payload))
	if err != nil {
		return err
	}
	body := bytes.Join([][]byte{[]byte(`{"to":{"all":true},"data":`), data, []byte("}")}, nil)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/api/messages", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusAccepted {
		return fmt.Errorf("%d %.300s", w.Code, w.Body)
	}
	return nil
}

// serveHandler serves h as cmd/pulsewall does, and its control, until ctx ends.
func serveHandler(ctx context.Context, out io.Writer, h http.Handler, publish func([]byte) error) error {
	if err := clients.RaiseLimit(); err != nil {
		return err
	}
	ln, err := transport.Listen("tcp", "127.0.0.1:0") //nolint:contextcheck // opening a socket waits for nothing
	if err != nil {
		return err
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerWithin, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug), ConnContext: transport.ConnContext,
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	served := make(chan error, 1)
	go func() {
		defer cancel()
		served <- srv.Serve(ln)
	}()
	err = control(ctx, out, ln.Addr(), publish)
	_ = srv.Close()
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}

// still is a source that costs nothing.
type still struct{}

func (still) Describe() feeds.Description {
	return feeds.Description{Title: "Still", ID: "name", Whole: true, Fields: []feeds.Field{{Name: "name", Label: "Name", Type: "string"}}}
}

func (still) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	return feeds.Result{Records: []feeds.Record{{"name": "still"}}}, nil
}
