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
func Redis(ctx context.Context) (*Server, error) {
	path, err := find("redis-server", "redis-server")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "redis",
		path: path,
		args: func(s *Server) []string {
			return []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--requirepass", Password,
				"--appendonly", "yes", "--appendfsync", "no", "--save", ""}
		},
		answers: func(ctx context.Context, s *Server) error {
			opts, err := redis.ParseURL(s.URL())
			if err != nil {
				return err
			}
			opts.ContextTimeoutEnabled, opts.MaxRetries = true, -1
			client := redis.NewClient(opts)
			defer func() { _ = client.Close() }()
			return client.Ping(ctx).Err()
		},
		url:  func(s *Server) string { return fmt.Sprintf("redis://:%s@%s/0", Password, s.Addr()) },
		quit: syscall.SIGTERM,
	})
}
