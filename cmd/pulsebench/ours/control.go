//go:build linux

package ours

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof" // #nosec G108 -- on loopback, beside a benchmark
	"runtime/debug"
	"time"
)

const (
	largestPayload = 64 << 10
	headerWithin   = 10 * time.Second
	profiles       = "/debug/pprof/"

	// The lines by which a server tells where it serves its clients, and where its control is.
	reached    = "serving at "
	controlled = "control at "
)

// control serves /publish, /gc and profiles until ctx ends, on an address of its own beside what is measured, and says both on out.
func control(ctx context.Context, out io.Writer, clients net.Addr, publish func(payload []byte) error) error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /publish", func(w http.ResponseWriter, r *http.Request) {
		payload, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestPayload))
		if err == nil {
			err = publish(payload)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	})
	mux.HandleFunc("POST /gc", func(http.ResponseWriter, *http.Request) { debug.FreeOSMemory() })
	mux.HandleFunc(profiles, pprof.Index)
	mux.HandleFunc(profiles+"profile", pprof.Profile)
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: headerWithin}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	fmt.Fprintf(out, "%s%s\n%s%s\n", reached, clients, controlled, ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
