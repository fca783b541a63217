// Mercure sends by the Mercure hub as a library, with the transport that keeps nothing.
package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/dunglas/mercure"
	"go.uber.org/zap"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/peers/serve"
)

const topic = "bench"

func main() {
	transport := mercure.NewLocalTransport()
	hub, err := mercure.NewHub(mercure.WithAnonymous(), mercure.WithTransport(transport), mercure.WithLogger(zap.NewNop()))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	serve.Main(serve.Peer{
		Module: "github.com/dunglas/mercure",
		SSE: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.URL.RawQuery = url.Values{"topic": {topic}}.Encode()
			hub.SubscribeHandler(w, r)
		}),
		Publish: func(payload []byte) error { // what the hub's own PublishHandler does, without its form and its token
			return transport.Dispatch(&mercure.Update{Topics: []string{topic}, Event: mercure.Event{Data: string(payload)}})
		},
	})
}
