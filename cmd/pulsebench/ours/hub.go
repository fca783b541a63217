//go:build linux

package ours

import (
	"context"
	"errors"
	"net/http"

	"github.com/pulsewall/pulsewall/transport"
)

var errNoStream = errors.New("the hub serves no such stream")

// A hub serves until the stream ends, or lets the stream live on after its handler.
type (
	staying interface {
		ServeWebSocket(http.ResponseWriter, *http.Request, transport.Opening, transport.Handler) error
		ServeSSE(http.ResponseWriter, *http.Request, transport.Opening) error
	}
	detached interface {
		ServeWebSocket(http.ResponseWriter, *http.Request, transport.Opening, transport.Handler, func(error)) (*transport.Session, error)
		ServeSSE(http.ResponseWriter, *http.Request, transport.Opening, func(error)) (*transport.Session, error)
	}
)

// watching is what each client asks for.
func watching() transport.Opening { return transport.Opening{Topics: []string{topic}} }

func noOps(context.Context, *transport.Session, transport.Op) transport.Reply {
	return transport.Reply{}
}

func over(error) {}

func serveSocket(hub any, w http.ResponseWriter, r *http.Request) error {
	switch h := hub.(type) {
	case staying:
		return h.ServeWebSocket(w, r, watching(), noOps)
	case detached:
		_, err := h.ServeWebSocket(w, r, watching(), noOps, over)
		return err
	}
	return errNoStream
}

func serveEvents(hub any, w http.ResponseWriter, r *http.Request) error {
	switch h := hub.(type) {
	case staying:
		return h.ServeSSE(w, r, watching())
	case detached:
		_, err := h.ServeSSE(w, r, watching(), over)
		return err
	}
	return errNoStream
}
