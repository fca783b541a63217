//go:build unix

package balancer

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// TestRetries has one of two nodes fail. What it cannot have done goes to the other one, by both balancers; a POST that it was given is
// asked of nobody else.
func TestRetries(t *testing.T) {
	tests := []struct {
		name string
		fail http.HandlerFunc // nil: nobody listens
		post int              // the status of a POST that met it
	}{
		{"gone", nil, http.StatusOK},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, http.StatusBadGateway},
		{"leaving", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, http.StatusServiceUnavailable},
	}
	for _, kind := range []Kind{Nginx, HAProxy} {
		for _, tt := range tests {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				t.Run(string(kind)+" "+tt.name+" "+method, func(t *testing.T) {
					want := http.StatusOK
					if method == http.MethodPost {
						want = tt.post
					}
					retried(t, kind, tt.fail, method, "/api/messages", want)
				})
			}
			if tt.fail != nil {
				t.Run(string(kind)+" "+tt.name+" a GET that sends", func(t *testing.T) {
					retried(t, kind, tt.fail, http.MethodGet, "/index/hello1", tt.post)
				})
			}
		}
	}
}

// retried asks until the node that fails was met, and then compares what the client got, and how often a request was made.
func retried(t *testing.T, kind Kind, fail http.HandlerFunc, method, path string, want int) {
	var met, served atomic.Int64
	bad, good := node(t, &met, fail), node(t, &served, func(http.ResponseWriter, *http.Request) {})
	b, err := Start(t.Context(), Options{Kind: kind, Nodes: []string{bad.Listener.Addr().String(), good.Listener.Addr().String()}, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if fail == nil {
		bad.Close()
	}
	for asked := int64(1); asked <= 4; asked++ {
		got := ask(t, method, "http://"+b.Addr()+path)
		again := met.Load() + served.Load() - asked
		switch {
		case fail == nil:
			if got != want {
				t.Errorf("%d; want %d", got, want)
			}
		case met.Load() > 0:
			if got != want || (again == 1) != (want == http.StatusOK) {
				t.Errorf("%d, and %d requests more than were sent; want %d", got, again, want)
			}
			return
		}
	}
	if fail != nil {
		t.Error("no request met the node that fails")
	}
}

// node counts what it is asked, and does it; to those who check it is ready.
func node(t *testing.T, count *atomic.Int64, do http.HandlerFunc) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/messages" || r.URL.Path == "/index/hello1" {
			count.Add(1)
			do(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

// ask returns the status of an answer; HAProxy gives none where a connection was cut that had been used before, which is no more than a 502.
func ask(t *testing.T, method, address string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if errors.Is(err, io.EOF) {
		return http.StatusBadGateway
	}
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
