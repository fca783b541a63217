//go:build unix

package servers

import (
	"context"
	"fmt"
	"strconv"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// Redis starts an empty Redis that keeps what it is told before it answers. The caller must Close it.
func Redis(ctx context.Context) (*Server, error) { return startRedis(ctx, nil) }

// RedisTLS is Redis that speaks TLS and nothing else, with a certificate of a.
func RedisTLS(ctx context.Context, a *Authority) (*Server, error) { return startRedis(ctx, a) }

func startRedis(ctx context.Context, a *Authority) (*Server, error) {
	path, err := find("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "redis",
		path: path,
		prepare: func(_ context.Context, s *Server) error {
			if a == nil {
				return nil
			}
			return a.issue(s)
		},
		args: func(s *Server) []string {
			port := []string{"--port", strconv.Itoa(s.port)}
			if a != nil {
				port = []string{"--port", "0", "--tls-port", strconv.Itoa(s.port), "--tls-auth-clients", "no",
					"--tls-cert-file", s.file(certFile), "--tls-key-file", s.file(keyFile)}
			}
			return append(port, "--bind", "127.0.0.1", "--dir", s.dir, "--requirepass", Password,
				"--appendonly", "yes", "--appendfsync", "no", "--save", "")
		},
		answers: func(ctx context.Context, s *Server) error {
			opts, err := redis.ParseURL(s.URL())
			if err != nil {
				return err
			}
			if a != nil {
				opts.TLSConfig = a.Trusting()
			}
			opts.ContextTimeoutEnabled, opts.MaxRetries = true, -1
			client := redis.NewClient(opts)
			defer func() { _ = client.Close() }()
			return client.Ping(ctx).Err()
		},
		url: func(s *Server) string {
			scheme := "redis"
			if a != nil {
				scheme = "rediss"
			}
			return fmt.Sprintf("%s://:%s@%s/0", scheme, Password, s.Addr())
		},
		quit: syscall.SIGTERM,
	})
}
