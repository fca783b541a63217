//go:build unix

package servers

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"syscall"
)

// Prometheus starts a Prometheus that reads the metrics at the addresses targets (host:port) each second, as the jobs
// target0, target1 and so on. The caller must Close it.
func Prometheus(ctx context.Context, targets ...string) (*Server, error) {
	path, err := find("prometheus", "prometheus")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "prometheus",
		path: path,
		prepare: func(_ context.Context, s *Server) error {
			var b strings.Builder
			b.WriteString("global: { scrape_interval: 1s }\nscrape_configs:\n")
			for i, target := range targets {
				fmt.Fprintf(&b, "  - { job_name: target%d, static_configs: [{ targets: [%q] }] }\n", i, target)
			}
			return s.write("prometheus.yml", b.String())
		},
		args: func(s *Server) []string {
			return []string{"--config.file=" + s.file("prometheus.yml"), "--storage.tsdb.path=" + s.file("data"), "--web.listen-address=" + s.Addr()}
		},
		answers: func(ctx context.Context, s *Server) error { return getOK(ctx, s.URL()+"/-/ready") },
		url:     func(s *Server) string { return "http://" + s.Addr() },
		quit:    syscall.SIGTERM,
	})
}

// getOK asks for url over a connection of its own.
func getOK(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, resp.Status)
	}
	return nil
}
