//go:build unix

package servers

import (
	"context"
	"fmt"
	"syscall"
)

// Nginx starts an nginx that serves the files that [Server.Serve] puts there. The caller must Close it.
func Nginx(ctx context.Context) (*Server, error) {
	path, err := find("nginx", "nginx")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "nginx",
		path: path,
		prepare: func(_ context.Context, s *Server) error {
			err := s.write("nginx.conf", fmt.Sprintf(`daemon off;
pid %[1]s/pid;
error_log stderr;
events {}
http {
  types { application/json json; }
  access_log /dev/stdout;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
  gzip on; gzip_types application/json; gzip_min_length 1;
  server { listen %[2]s; root %[1]s; }
}
`, s.dir, s.Addr()))
			if err != nil {
				return err
			}
			return s.Serve("ready.json", "[]")
		},
		args:    func(s *Server) []string { return []string{"-p", s.dir, "-c", s.file("nginx.conf"), "-e", "stderr"} },
		answers: func(ctx context.Context, s *Server) error { return getOK(ctx, s.URL()+"/ready.json") },
		url:     func(s *Server) string { return "http://" + s.Addr() },
		quit:    syscall.SIGTERM,
	})
}

// Serve puts text where an nginx serves it, as /name.
func (s *Server) Serve(name, text string) error { return s.write(name, text) }
