//go:build linux

package ours

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/pulsewall/pulsewall/transport"
)

// topic is the one subscription that all clients of pulsewall-readings have.
const topic = "still/-/1/10"

// page is a reading whose page is a payload.
type page struct {
	version int64
	payload string
}

// Encode writes it as clients get it.
func (p page) Encode(transport.Format, bool) []byte {
	data, err := json.Marshal(p.payload)
	if err != nil {
		return nil
	}
	return fmt.Appendf(nil, `{"sub":%q,"version":%d,"status":"ok","page":%s}`, topic, p.version, data)
}

// serveReadings is the hub alone. What is published is the newest reading of one subscription.
func serveReadings(ctx context.Context, out io.Writer) error {
	hub := transport.NewHub(transport.Options{Node: "bench"})
	defer hub.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live/ws", func(w http.ResponseWriter, r *http.Request) {
		if _, err := hub.ServeWebSocket(w, r, watching(), noOps, over); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable) // without effect after the handshake
		}
	})
	mux.HandleFunc("GET /live/sse", func(w http.ResponseWriter, r *http.Request) {
		if _, err := hub.ServeSSE(w, r, watching(), over); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	var version atomic.Int64
	return serveHandler(ctx, out, mux, func(payload []byte) error {
		v := version.Add(1)
		hub.Put(transport.NewUpdate(topic, v, v-1, page{v, string(payload)}))
		return nil
	})
}

// watching is what each client asks for.
func watching() transport.Opening { return transport.Opening{Topics: []string{topic}} }

func noOps(context.Context, *transport.Session, transport.Op) transport.Reply {
	return transport.Reply{}
}

func over(error) {}
