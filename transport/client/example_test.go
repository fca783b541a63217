package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/client"
)

// Example follows a room, and goes on later where it was.
func Example() {
	wall := newWall() // a pulsewall somewhere
	defer wall.Close()

	ctx := context.Background()
	wall.say("doors open")
	wall.say("curtain up")
	desk := client.New(client.Options{URL: wall.URL, Rooms: []string{"stage"}, After: "earliest"})
	for event, err := range desk.Events(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if m, is := event.(client.Message); is {
			fmt.Println(string(m.Data))
			break // for today
		}
	}

	wall.say("applause")
	desk = client.New(client.Options{URL: wall.URL, Rooms: []string{"stage"}, After: desk.Cursor()})
	for event, err := range desk.Events(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if m, is := event.(client.Message); is {
			fmt.Println(string(m.Data))
			if string(m.Data) == `"applause"` {
				break
			}
		}
	}
	// Output:
	// "doors open"
	// "curtain up"
	// "applause"
}

// wall is a small pulsewall.
type wall struct {
	*httptest.Server
	hub  *transport.Hub
	said int64
}

func newWall() *wall {
	w := &wall{hub: transport.NewHub(transport.Options{Epoch: "e"})}
	w.Server = httptest.NewServer(w)
	return w
}

func (w *wall) Close() {
	w.hub.Close()
	w.Server.Close()
}

func (w *wall) say(text string) {
	data, _ := json.Marshal(text) // a string
	w.said++
	w.hub.Append(transport.Item{
		Position: transport.Position{Epoch: "e", Seq: w.said},
		Message:  transport.Message{To: transport.Address{Room: "stage"}, Data: data},
	})
}

func (w *wall) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	o := transport.Opening{Rooms: r.URL.Query()["room"], After: r.URL.Query().Get("after")}
	switch {
	case strings.HasSuffix(r.URL.Path, "/ws"):
		_, _ = w.hub.ServeWebSocket(rw, r, o, func(context.Context, *transport.Session, transport.Op) transport.Reply { return transport.Reply{} }, func(error) {})
	case strings.HasSuffix(r.URL.Path, "/sse"):
		_, _ = w.hub.ServeSSE(rw, r, o, func(error) {})
	}
}
