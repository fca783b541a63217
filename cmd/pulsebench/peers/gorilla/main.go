// Gorilla sends by gorilla/websocket in the way of the library's chat example, a hub with two goroutines a client, and
// with the prepared messages that the library recommends for sending one message to many.
package main

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/peers/serve"
)

// These are the example's.
const (
	waiting     = 256 // messages that may wait for a client
	bufferBytes = 1024
	maxMessage  = 512
	writeWait   = 10 * time.Second
	pongWait    = 60 * time.Second
	pingPeriod  = pongWait * 9 / 10
)

type client struct {
	conn *websocket.Conn
	send chan *websocket.PreparedMessage
}

type hub struct {
	join, leave chan *client
	messages    chan *websocket.PreparedMessage
	upgrader    websocket.Upgrader
}

func main() {
	h := &hub{
		join: make(chan *client), leave: make(chan *client), messages: make(chan *websocket.PreparedMessage),
		upgrader: websocket.Upgrader{ReadBufferSize: bufferBytes, WriteBufferSize: bufferBytes},
	}
	go h.run() // as long as the process
	serve.Main(serve.Peer{Module: "github.com/gorilla/websocket", WS: h, Publish: h.publish})
}

func (h *hub) publish(payload []byte) error {
	m, err := websocket.NewPreparedMessage(websocket.TextMessage, payload)
	if err != nil {
		return err
	}
	h.messages <- m
	return nil
}

func (h *hub) run() {
	clients := make(map[*client]struct{})
	for {
		select {
		case c := <-h.join:
			clients[c] = struct{}{}
		case c := <-h.leave:
			if _, in := clients[c]; in {
				delete(clients, c)
				close(c.send)
			}
		case m := <-h.messages:
			for c := range clients {
				select {
				case c.send <- m:
				default: // it is too slow
					delete(clients, c)
					close(c.send)
				}
			}
		}
	}
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // Upgrade has answered
	}
	c := &client{conn: conn, send: make(chan *websocket.PreparedMessage, waiting)}
	h.join <- c
	go c.write()
	go c.read(h.leave)
}

// read hears that the client has gone.
func (c *client) read(leave chan<- *client) {
	defer func() {
		leave <- c
		_ = c.conn.Close()
	}()
	c.conn.SetReadLimit(maxMessage)
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongWait)) }
	c.conn.SetPongHandler(alive)
	for err := alive(""); err == nil; {
		_, _, err = c.conn.ReadMessage()
	}
}

func (c *client) write() {
	ping := time.NewTicker(pingPeriod)
	defer func() {
		ping.Stop()
		_ = c.conn.Close()
	}()
	for {
		select {
		case m, open := <-c.send:
			_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if !open {
				_ = c.conn.WriteMessage(websocket.CloseMessage, nil)
				return
			}
			if c.conn.WritePreparedMessage(m) != nil {
				return
			}
		case <-ping.C:
			_ = c.conn.SetWriteDeadline(time.Now().Add(writeWait))
			if c.conn.WriteMessage(websocket.PingMessage, nil) != nil {
				return
			}
		}
	}
}
