// Nhooyr sends by nhooyr.io/websocket in the way of the library's chat example: a goroutine and a channel of 16
// messages for each client, a write with a deadline of 5 s for each message, and whoever's channel is full is closed.
package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"nhooyr.io/websocket"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/peers/serve"
)

const (
	waiting      = 16 // messages that may wait for a client, as in the example
	writeTimeout = 5 * time.Second
)

type client struct {
	messages chan []byte
	tooSlow  func()
}

type room struct {
	mu      sync.Mutex
	clients map[*client]struct{} // guarded by mu
}

func main() {
	r := &room{clients: make(map[*client]struct{})}
	serve.Main(serve.Peer{Module: "nhooyr.io/websocket", WS: r, Publish: r.publish})
}

// publish leaves out the example's limit of ten messages a second, which would be what is measured.
func (r *room) publish(payload []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.clients {
		select {
		case c.messages <- payload:
		default:
			go c.tooSlow()
		}
	}
	return nil
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	conn, err := websocket.Accept(w, req, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	c := &client{
		messages: make(chan []byte, waiting),
		tooSlow:  func() { _ = conn.Close(websocket.StatusPolicyViolation, "too slow") },
	}
	r.mu.Lock()
	r.clients[c] = struct{}{}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		delete(r.clients, c)
		r.mu.Unlock()
	}()
	ctx := conn.CloseRead(context.Background())
	for {
		select {
		case payload := <-c.messages:
			if write(ctx, conn, payload) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func write(ctx context.Context, conn *websocket.Conn, payload []byte) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, payload)
}
