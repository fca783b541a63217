// Centrifuge sends by the library of that name: its node with its defaults, one channel to which each client is subscribed
// by the server, JSON over WebSocket and over server-sent events.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/centrifugal/centrifuge"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/peers/serve"
)

const channel = "bench"

func main() {
	node, err := newNode()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// A pong of an event stream is a request of its own, to another handler. Nobody answers for the streams here, so
	// their pings ask for none.
	unasked := centrifuge.PingPongConfig{PongTimeout: -1}
	serve.Main(serve.Peer{
		Module:  "github.com/centrifugal/centrifuge",
		WS:      anonymous(centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{})),
		SSE:     anonymous(centrifuge.NewSSEHandler(node, centrifuge.SSEConfig{PingPongConfig: unasked})),
		Publish: func(payload []byte) error { return publish(node, payload) },
	})
}

func newNode() (*centrifuge.Node, error) {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		return nil, err
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Subscriptions: map[string]centrifuge.SubscribeOptions{channel: {}}}, nil
	})
	node.OnConnect(func(*centrifuge.Client) {})
	return node, node.Run()
}

// publish sends the payload as a JSON string. What the bench publishes needs no escape.
func publish(node *centrifuge.Node, payload []byte) error {
	data := make([]byte, 0, len(payload)+2)
	data = append(append(append(data, '"'), payload...), '"')
	_, err := node.Publish(channel, data)
	return err
}

func anonymous(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := centrifuge.SetCredentials(r.Context(), &centrifuge.Credentials{})
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
