package feeds

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestHTTPHostile has servers do what they should not. Each gives an error that says so and tells no secret.
func TestHTTPHostile(t *testing.T) {
	t.Parallel()
	bomb := gzipped(bytes.Repeat([]byte("[0,0,0,0,0,0,0],"), 1<<20)) // 16 MiB
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"huge", func(w http.ResponseWriter, _ *http.Request) { writeForever(w) }, "more than 8388608 bytes"},
		{"bomb", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb)
		}, "more than 8388608 bytes"},
		{"broken gzip", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write([]byte("this is no gzip at all"))
		}, "gzip: invalid header"},
		{"brotli", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			_, _ = w.Write([]byte("[]"))
		}, `encoded in "br"`},
		{"slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "did not answer in time"},
		{"slow in the middle", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, "[{")
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, "did not answer in time"},
		{"cut off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "[{")
		}, "before its answer was whole"},
		{"gone", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "closed the connection"},
		{"login page", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<html>")
		}, "not JSON at line 1, column 1: invalid character '<' looking for beginning of value (its type is text/html)"},
		{"unauthorized", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, "401 Unauthorized: check headers, token"},
		{"unknown status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(599) }, "answered 599"},
		{"not modified, unasked", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, "304 Not Modified"},
		{"redirect in a circle", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), 302) }, "redirects more than 5 times"},
		{"redirect to a file", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		}, "redirects to , another host"},
		{"header without end", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
		}, "exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := serveHTTP(t, tt.handler)
			o := HTTPOptions{URL: Secret(base + "/?key=" + secretKey), Access: Access{Token: secretKey}}
			if strings.HasPrefix(tt.name, "slow") {
				o.Timeout = 200 * time.Millisecond
			}
			_, err := newTestHTTP(t, o).Poll(t.Context(), Query{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secretKey) {
				t.Errorf("Poll = %v; want an error with %q and no secret", err, tt.want)
			}
		})
	}
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(data)
	_ = z.Close()
	return b.Bytes()
}

func writeForever(w http.ResponseWriter) {
	for chunk := bytes.Repeat([]byte(" "), 1<<16); ; {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

func TestHTTPUnreachable(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	plain := serveHTTP(t, func(http.ResponseWriter, *http.Request) {})
	tests := []struct{ url, want string }{
		{"http://" + l.Addr().String() + "/?key=" + secretKey, "nobody listens at " + l.Addr().String() + ": connection refused"},
		{"http://nosuch.invalid/?key=" + secretKey, "nosuch.invalid"},
		{"https" + strings.TrimPrefix(plain, "http"), "is it http in place of https?"},
	}
	_ = l.Close()
	for _, tt := range tests {
		_, err := newTestHTTP(t, HTTPOptions{URL: Secret(tt.url)}).Poll(t.Context(), Query{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), secretKey) {
			t.Errorf("Poll = %v; want an error with %q and no secret", err, tt.want)
		}
	}
}

// TestHTTPRetryAfter leaves a server alone that asks for it, for 5 intervals at most.
func TestHTTPRetryAfter(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	base := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	h := newTestHTTP(t, HTTPOptions{URL: Secret(base)})
	for _, want := range []string{"429 Too Many Requests: a longer interval", "asked to be left alone until"} {
		if _, err := h.Poll(t.Context(), Query{Interval: time.Hour}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Poll = %v; want an error with %q", err, want)
		}
	}
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests; want 1", n)
	}
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		after string
		code  int
		alone time.Duration // at an interval of 10 s
	}{
		{"7", 429, 7 * time.Second},
		{"7", 503, 7 * time.Second},
		{"7", 500, 0},
		{"3600", 503, 50 * time.Second},
		{now.Add(20 * time.Second).Format(http.TimeFormat), 503, 20 * time.Second},
		{now.Add(-time.Hour).Format(http.TimeFormat), 503, 0},
		{"soon", 429, 0},
		{"-1", 429, 0},
		{"99999999999999999999", 429, 0},
	}
	for _, tt := range tests {
		var r rest
		r.hear(&http.Response{StatusCode: tt.code, Header: http.Header{"Retry-After": {tt.after}}}, now)
		last := now.Add(tt.alone)
		if err := r.over("h", 10*time.Second, last); err != nil {
			t.Errorf("%d, Retry-After %s: %v after %s; want nil", tt.code, tt.after, err, tt.alone)
		}
		if err := r.over("h", 10*time.Second, last.Add(-time.Second)); (err != nil) != (tt.alone > 0) {
			t.Errorf("%d, Retry-After %s: %v a second before; want an error: %v", tt.code, tt.after, err, tt.alone > 0)
		}
	}
}

// TestHTTPContext ends with its context.
func TestHTTPContext(t *testing.T) {
	t.Parallel()
	base := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := newTestHTTP(t, HTTPOptions{URL: Secret(base)}).Poll(ctx, Query{}); err == nil {
		t.Error("Poll = nil; want an error")
	}
}
