//go:build linux

package ours

import (
	"context"
	"net/http"

	"github.com/pulsewall/pulsewall/transport"
)

// watching is what each client asks for.
func watching() transport.Opening { return transport.Opening{Topics: []string{topic}} }

func serveSocket(hub *transport.Hub, w http.ResponseWriter, r *http.Request) error {
	return hub.ServeWebSocket(w, r, watching(), func(context.Context, *transport.Session, transport.Op) transport.Reply { return transport.Reply{} })
}

func serveEvents(hub *transport.Hub, w http.ResponseWriter, r *http.Request) error {
	return hub.ServeSSE(w, r, watching())
}
