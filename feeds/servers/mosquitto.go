//go:build unix

package servers

import (
	"context"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Mosquitto starts an MQTT broker that has nothing retained. The caller must Close it.
func Mosquitto(ctx context.Context) (*Server, error) {
	path, err := find("mosquitto", "mosquitto")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "mosquitto",
		path: path,
		prepare: func(_ context.Context, s *Server) error {
			return s.write("mosquitto.conf", fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\n", s.port))
		},
		args: func(s *Server) []string { return []string{"-c", s.file("mosquitto.conf")} },
		answers: func(ctx context.Context, s *Server) error {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			client := paho.NewClient(paho.ClientConfig{Conn: conn, PacketTimeout: time.Second})
			if _, err := client.Connect(ctx, &paho.Connect{ClientID: "answers", CleanStart: true, KeepAlive: 30}); err != nil {
				return err
			}
			defer func() { <-client.Done() }()
			return client.Disconnect(&paho.Disconnect{})
		},
		url:  func(s *Server) string { return "mqtt://" + s.Addr() },
		quit: syscall.SIGTERM,
	})
}
