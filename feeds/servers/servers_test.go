//go:build unix

package servers

import (
	"context"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kinds are all servers that need no certificate.
var kinds = map[string]func(context.Context) (*Server, error){
	"postgresql": Postgres,
	"mariadb":    MariaDB,
	"nginx":      Nginx,
	"redis":      Redis,
	"mosquitto":  Mosquitto,
	"mail":       Mail,
	"prometheus": func(ctx context.Context) (*Server, error) { return Prometheus(ctx) },
}

// TestServer has each server killed, started again, frozen and closed.
func TestServer(t *testing.T) {
	a, err := NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	all := maps.Clone(kinds)
	all["redis with TLS"] = func(ctx context.Context) (*Server, error) { return RedisTLS(ctx, a) }
	all["mosquitto with TLS"] = func(ctx context.Context) (*Server, error) { return MosquittoTLS(ctx, a) }
	all["mail with STARTTLS"] = func(ctx context.Context) (*Server, error) { return MailStartTLS(ctx, a) }
	all["mail with TLS"] = func(ctx context.Context) (*Server, error) { return MailTLS(ctx, a) }
	for kind, start := range all {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s, err := start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			answers := func() error {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				return s.program.answers(ctx, s)
			}
			if !strings.Contains(s.URL(), s.Addr()) {
				t.Errorf("URL %q of %s; want its address", s.URL(), s.Addr())
			}
			logged(t, s)
			addr := s.Addr()
			s.Kill()
			if err := answers(); err == nil {
				t.Error("a killed server answers")
			}
			if err := s.Restart(t.Context()); err != nil || s.Addr() != addr {
				t.Fatalf("Restart = %v at %s; want nil at %s", err, s.Addr(), addr)
			}
			s.Freeze()
			if err := answers(); err == nil {
				t.Error("a frozen server answers")
			}
			s.Thaw()
			if err := s.wait(t.Context()); err != nil {
				t.Errorf("thawed: %v", err)
			}
			s.Close()
			s.Close()
			if _, err := os.Stat(s.dir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("folder after Close: %v; want none", err)
			}
		})
	}
}

// TestMissing wants a missing program to be said with what to install.
func TestMissing(t *testing.T) {
	_, err := find("nosuch-package", "nosuch-program", "/usr/lib/nosuch/*/bin")
	if !errors.Is(err, ErrTool) || !strings.Contains(err.Error(), "apt-get install --no-install-recommends nosuch-package") {
		t.Errorf("find = %v; want what to install", err)
	}
}

// TestBroken wants the last words of a server that does not start, and nothing left of it.
func TestBroken(t *testing.T) {
	path, err := find("coreutils", "ls")
	if err != nil {
		t.Fatal(err)
	}
	p := program{kind: "broken", path: path, args: func(*Server) []string { return []string{"/nosuch-folder"} }}
	p.answers = func(context.Context, *Server) error { return errors.New("no") }
	s, err := start(t.Context(), p)
	if s != nil || err == nil || !strings.Contains(err.Error(), "it ended") || !strings.Contains(err.Error(), "nosuch-folder") {
		t.Errorf("start = %v, %v; want an error with its last words", s, err)
	}
}

// logged waits for something in the server's log, where some write what they were asked after they have answered.
func logged(t *testing.T, s *Server) {
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	soon := time.NewTicker(10 * time.Millisecond)
	defer soon.Stop()
	for s.Log() == "" {
		select {
		case <-soon.C:
		case <-deadline.C:
			t.Error("nothing in the log")
			return
		}
	}
}
