package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/pulsewall/pulsewall/transport"
)

// How long a client may take. The server sets a write deadline with each request; on the sockets of transport.Listen it is how long
// an answer may stall, however long it takes. Streams and waiting polls replace it by their own.
const (
	readHeaderTimeout = 10 * time.Second
	writeTimeout      = 10 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 32 << 10
	shutdownTimeout   = 2 * time.Second // with the 7 s in which the dashboard lets go of its clients: under 10
	pingInterval      = 15 * time.Second
	stuckTimeout      = 10 * time.Second
)

// wall is the dashboard as serve sees it.
type wall interface {
	http.Handler
	Run(ctx context.Context) error
}

// serve serves w on ln until ctx ends. Then w lets go of its clients, requests in flight end, and serve returns when the last
// goroutine has.
func serve(ctx context.Context, cfg config, ln net.Listener, w wall, log *slog.Logger) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	srv := newServer(cfg, w, log)
	served, ran := make(chan error, 1), make(chan error, 1)
	go func() {
		defer cancel() // whichever of the two ends takes the other along
		served <- serveListener(srv, ln)
	}()
	go func() {
		defer cancel()
		ran <- w.Run(ctx)
	}()
	log.Info("listening", "url", address(ln.Addr().String()).url(cfg.certificate != nil), "node", string(cfg.Node))
	if !loopback(ln.Addr()) && cfg.Auth.Kind != "jwt" {
		log.Warn("listening beyond loopback without authentication: whoever reaches this address sees everything", "addr", ln.Addr().String())
	}

	<-ctx.Done()
	log.Info("stopping")
	err := <-ran
	stop(ctx, srv)
	if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve: %w", serr))
	}
	if err == nil {
		log.Info("stopped")
	}
	return err
}

func newServer(cfg config, h http.Handler, log *slog.Logger) *http.Server {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ConnContext:       transport.ConnContext,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients did wrong
		// A peer that vanished is noticed though a stream of HTTP/2 has no socket of its own.
		HTTP2: &http.HTTP2Config{SendPingTimeout: pingInterval, PingTimeout: stuckTimeout, WriteByteTimeout: stuckTimeout},
	}
	if cfg.certificate != nil {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cfg.certificate}, MinVersion: tls.VersionTLS12}
	}
	return srv
}

func serveListener(srv *http.Server, ln net.Listener) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(ln, "", "")
	}
	return srv.Serve(ln)
}

// stop lets requests in flight end and cuts what is left after shutdownTimeout.
func stop(ctx context.Context, srv *http.Server) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout) // ctx has ended
	defer cancel()
	if srv.Shutdown(ctx) != nil {
		_ = srv.Close() // the sockets are gone either way
	}
}
