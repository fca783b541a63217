package transport

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A stream of HTTP/2 that is silent for longer than a write may stall lives on: its deadline is that of a write, and none waits.
func TestSilentStreamOfHTTP2(t *testing.T) {
	t.Parallel()
	h := NewHub(Options{WriteTimeout: 2 * time.Second, Heartbeat: 3 * time.Second})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = h.ServeSSE(w, r, Opening{}, func(error) {}) }))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	t.Cleanup(func() {
		h.Close()
		srv.Client().CloseIdleConnections()
		srv.Close()
	})
	res, err := srv.Client().Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines, beats := bufio.NewScanner(res.Body), 0
	for beats < 2 && lines.Scan() {
		if strings.Contains(lines.Text(), "heartbeat") && strings.HasPrefix(lines.Text(), "event") {
			beats++
		}
	}
	if res.ProtoMajor != 2 || beats < 2 {
		t.Errorf("%s: %d heartbeats, then %v; want two", res.Proto, beats, lines.Err())
	}
}
