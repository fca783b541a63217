// Gws sends by lxzan/gws and its Broadcaster, in the way of the library's push example: the frame is made once, and
// each connection has a queue without an end that a goroutine empties while there is something in it.
package main

import (
	"net/http"

	"github.com/lxzan/gws"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/peers/serve"
)

type room struct {
	gws.BuiltinEventHandler
	conns    *gws.ConcurrentMap[*gws.Conn, struct{}]
	upgrader *gws.Upgrader
}

func main() {
	r := &room{conns: gws.NewConcurrentMap[*gws.Conn, struct{}]()}
	r.upgrader = gws.NewUpgrader(r, nil) // which does not compress
	serve.Main(serve.Peer{Module: "github.com/lxzan/gws", WS: r, Publish: r.publish})
}

func (r *room) publish(payload []byte) error {
	b := gws.NewBroadcaster(gws.OpcodeText, payload)
	r.conns.Range(func(conn *gws.Conn, _ struct{}) bool {
		_ = b.Broadcast(conn) // who has gone is told to OnClose
		return true
	})
	return b.Close()
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	conn, err := r.upgrader.Upgrade(w, req)
	if err != nil {
		return // Upgrade has answered
	}
	r.conns.Store(conn, struct{}{})
	go conn.ReadLoop() // so that the request can be collected
}

// OnClose forgets the connection.
func (r *room) OnClose(conn *gws.Conn, _ error) { r.conns.Delete(conn) }

// OnMessage ignores what a client says.
func (r *room) OnMessage(_ *gws.Conn, message *gws.Message) { _ = message.Close() }
