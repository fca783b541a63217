//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// connectProfile is how long the coming of clients is profiled.
const connectProfile = time.Second

// profile begins a profile of the server's processor time of so many whole seconds at most, or takes one of its heap where during is 0, if
// profiles are asked for and the server has some. done waits for it.
func (m *match) profile(ctx context.Context, phase string, during time.Duration) (done func() error) {
	if m.profiles == "" || m.process.Profile == "" || phase == "first" {
		return func() error { return nil }
	}
	what := "heap?gc=1"
	if during > 0 {
		what = fmt.Sprintf("profile?seconds=%d", max(int(during/time.Second), 1))
	}
	name := strings.ReplaceAll(fmt.Sprintf("%s-%s-%s.pprof", m.server.Name(), m.transport, phase), " ", "-")
	ended := make(chan error, 1)
	go func() { ended <- download(ctx, m.process.Profile+what, filepath.Join(m.profiles, name)) }()
	return func() error { return <-ended }
}

func download(ctx context.Context, url, file string) (err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	profile, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("profile: %s: %.300q", answer.Status, profile)
	}
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	return os.WriteFile(file, profile, 0o600)
}
