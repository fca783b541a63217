//go:build unix

package servers

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"syscall"
	"time"

	"github.com/eclipse/paho.golang/paho"
)

// Mosquitto starts an MQTT broker that has nothing retained. The caller must Close it.
func Mosquitto(ctx context.Context) (*Server, error) { return startMosquitto(ctx, nil) }

// MosquittoTLS is Mosquitto that speaks TLS and nothing else, with a certificate of a.
func MosquittoTLS(ctx context.Context, a *Authority) (*Server, error) { return startMosquitto(ctx, a) }

func startMosquitto(ctx context.Context, a *Authority) (*Server, error) {
	path, err := find("mosquitto", "mosquitto")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "mosquitto",
		path: path,
		prepare: func(_ context.Context, s *Server) error {
			conf := fmt.Sprintf("listener %d 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\n", s.port)
			if a != nil {
				if err := a.issue(s); err != nil {
					return err
				}
				conf += fmt.Sprintf("certfile %s\nkeyfile %s\n", s.file(certFile), s.file(keyFile))
			}
			return s.write("mosquitto.conf", conf)
		},
		args: func(s *Server) []string { return []string{"-c", s.file("mosquitto.conf")} },
		answers: func(ctx context.Context, s *Server) error {
			var dialer interface {
				DialContext(ctx context.Context, network, address string) (net.Conn, error)
			} = new(net.Dialer)
			if a != nil {
				dialer = &tls.Dialer{Config: a.Trusting()}
			}
			conn, err := dialer.DialContext(ctx, "tcp", s.Addr())
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
		url: func(s *Server) string {
			if a != nil {
				return "mqtts://" + s.Addr()
			}
			return "mqtt://" + s.Addr()
		},
		quit: syscall.SIGTERM,
	})
}
