//go:build linux

package ours

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

const (
	largestPayload = 64 << 10
	headerWithin   = 10 * time.Second

	// The lines by which a server tells where it serves its clients, and where its control is.
	reached    = "serving at "
	controlled = "control at "
)

// control serves /publish and /gc until ctx ends, on an address of its own beside what is measured, and says both on out.
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
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: headerWithin}
	defer context.AfterFunc(ctx, func() { _ = srv.Close() })()
	fmt.Fprintf(out, "%s%s\n%s%s\n", reached, clients, controlled, ln.Addr())
	if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
