//go:build unix

package servers

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// Who the databases know, and by which password.
const (
	User     = "pulsewall"
	Password = "open-sesame-4711"
)

// Postgres starts a PostgreSQL with an empty database, whose log has every statement with its parameters.
// The caller must Close it.
func Postgres(ctx context.Context) (*Server, error) {
	const debian, folder = "postgresql", "/usr/lib/postgresql/*/bin"
	path, err := find(debian, "postgres", folder)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return nil, err
	}
	initdb, err := find(debian, "initdb", filepath.Dir(path), folder)
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "postgresql",
		path: path,
		prepare: func(ctx context.Context, s *Server) error {
			if err := s.write("password", Password); err != nil {
				return err
			}
			return s.command(ctx, initdb, "--pgdata="+s.file("data"), "--username="+User, "--pwfile="+s.file("password"),
				"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
		},
		args: func(s *Server) []string {
			args := []string{"-D", s.file("data"), "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", s.dir, "-F"}
			for _, setting := range []string{"log_statement=all", "log_line_prefix=%p ", "log_connections=on", "max_connections=50",
				"dynamic_shared_memory_type=mmap", "max_wal_size=256MB", "shared_buffers=32MB"} {
				args = append(args, "-c", setting)
			}
			return args
		},
		answers: func(ctx context.Context, s *Server) error {
			conn, err := pgx.Connect(ctx, s.URL())
			if err != nil {
				return err
			}
			return conn.Close(ctx)
		},
		url: func(s *Server) string {
			return fmt.Sprintf("postgres://%s:%s@%s/postgres?sslmode=disable", User, Password, s.Addr())
		},
		quit: syscall.SIGQUIT,
	})
}
