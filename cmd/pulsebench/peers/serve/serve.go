// Package serve is what the peers written in Go have in common: where they listen, how they are told what to send, and
// how they end.
package serve

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"
)

// maxPayload is the most that one publish may bring.
const maxPayload = 64 << 10

// endWithin is how long a peer may take to close its connections.
const endWithin = 2 * time.Second

// Peer is one way to send a payload to many. A nil handler means that it does not have that transport.
type Peer struct {
	// Module is the library's path, to tell its version; empty: the standard library.
	Module string
	// WS serves GET /ws.
	WS http.Handler
	// SSE serves GET /sse.
	SSE http.Handler
	// Publish hands payload, which is its own from then on, to every client. It may be called concurrently.
	Publish func(payload []byte) error
}

// Main serves the peer on a free port of loopback until it is told to end. It prints what was built into it, "version …",
// and where it listens, "listening host:port".
func Main(p Peer) {
	if err := run(p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(p Peer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: p.routes(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	fmt.Printf("version %s\nlistening %s\n", version(p.Module), l.Addr())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	if server.Shutdown(last) != nil { // streams that are still open do not end by themselves
		_ = server.Close()
	}
	<-ended
	return nil
}

func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, dep := range info.Deps {
			if dep.Path == module {
				return dep.Version + ", " + runtime.Version()
			}
		}
	}
	return runtime.Version()
}

func (p Peer) routes() http.Handler {
	mux := http.NewServeMux()
	if p.WS != nil {
		mux.Handle("GET /ws", p.WS)
	}
	if p.SSE != nil {
		mux.Handle("GET /sse", p.SSE)
	}
	mux.HandleFunc("POST /publish", p.publish)
	mux.HandleFunc("POST /gc", func(w http.ResponseWriter, _ *http.Request) {
		debug.FreeOSMemory() // a full collection first
		w.WriteHeader(http.StatusNoContent)
	})
	return mux
}

func (p Peer) publish(w http.ResponseWriter, r *http.Request) {
	payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPayload))
	if err == nil {
		err = p.Publish(payload)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
