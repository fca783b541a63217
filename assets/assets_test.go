package assets_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/assets"
)

func get(t *testing.T, method, url, encoding string) (*http.Response, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(method, url, nil)
	r.Header.Set("Accept-Encoding", encoding)
	assets.Handler().ServeHTTP(w, r)
	var body io.Reader = w.Body
	if w.Header().Get("Content-Encoding") == "gzip" && method == http.MethodGet {
		z, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		body = z
	}
	b, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Result(), string(b)
}

func TestHandler(t *testing.T) {
	script := assets.URL("pulsewall.js")
	tests := []struct {
		method, url, encoding string
		status                int
		kind, encoded, holds  string
	}{
		{"GET", script, "", 200, "text/javascript; charset=utf-8", "", "pulsewall.Link=Link"},
		{"GET", script, "br, gzip", 200, "text/javascript; charset=utf-8", "gzip", "pulsewall.Page=Page"},
		{"GET", script, "gzip;q=0", 200, "text/javascript; charset=utf-8", "", "pulsewall.Page=Page"},
		{"HEAD", script, "gzip", 200, "text/javascript; charset=utf-8", "gzip", ""},
		{"GET", assets.URL("uPlot.js"), "gzip", 200, "text/javascript; charset=utf-8", "gzip", "var uPlot"},
		{"GET", assets.URL("uPlot.css"), "gzip", 200, "text/css; charset=utf-8", "gzip", ".uplot"},
		{"GET", assets.URL("icon.svg"), "", 200, "image/svg+xml", "", "<svg"},
		{"POST", script, "", 405, "text/plain; charset=utf-8", "", ""},
		{"GET", "/assets/pulsewall.js", "", 404, "text/plain; charset=utf-8", "", ""},
		{"GET", "/assets/pulsewall-00000000.js", "", 404, "text/plain; charset=utf-8", "", ""},
		{"GET", "/assets/", "", 404, "text/plain; charset=utf-8", "", ""},
		{"GET", "/assets/assets.go", "", 404, "text/plain; charset=utf-8", "", ""},
	}
	for _, tt := range tests {
		res, body := get(t, tt.method, tt.url, tt.encoding)
		h := res.Header
		if res.StatusCode != tt.status || h.Get("Content-Type") != tt.kind || h.Get("Content-Encoding") != tt.encoded || !strings.Contains(body, tt.holds) {
			t.Errorf("%s %s (%q) = %d %q %q, %d bytes; want %d %q %q with %q", tt.method, tt.url, tt.encoding,
				res.StatusCode, h.Get("Content-Type"), h.Get("Content-Encoding"), len(body), tt.status, tt.kind, tt.encoded, tt.holds)
		}
		cached := h.Get("Cache-Control") == "public, max-age=31536000, immutable" && h.Get("X-Content-Type-Options") == "nosniff"
		if tt.status == 200 && !cached {
			t.Errorf("%s %s: headers %v", tt.method, tt.url, h)
		}
	}
}

func TestURL(t *testing.T) {
	url := assets.URL("pulsewall.js")
	hash := strings.TrimSuffix(strings.TrimPrefix(url, "/assets/pulsewall-"), ".js")
	if len(hash) != 8 || strings.Trim(hash, "0123456789abcdef") != "" {
		t.Errorf("URL = %q; want 8 digits of the hash in it", url)
	}
	defer func() {
		if recover() == nil {
			t.Error("URL of no asset did not panic")
		}
	}()
	assets.URL("nothing.js")
}

func TestAcceptEncoding(t *testing.T) {
	tests := []struct {
		lines []string
		want  string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"gzip"}, "gzip"},
		{[]string{"GZip ; Q=0.5"}, "gzip"},
		{[]string{"br", "deflate, gzip"}, "gzip"}, // a list may come in several lines
		{[]string{"br, gzip;q=0, *"}, ""},
		{[]string{"gzip; q = 0.000"}, ""},
		{[]string{"gzip;q=1.0"}, "gzip"},
		{[]string{"gzip;q="}, ""},
		{[]string{"x-gzip, gzipped, *"}, ""},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, assets.URL("pulsewall.js"), nil)
		r.Header["Accept-Encoding"] = tt.lines
		w := httptest.NewRecorder()
		assets.Handler().ServeHTTP(w, r)
		if got := w.Header().Get("Content-Encoding"); got != tt.want {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q; want %q", tt.lines, got, tt.want)
		}
	}
}

// TestLeanScripts: what is left of the scripts without comments and indents is still a script.
func TestLeanScripts(t *testing.T) {
	for _, name := range []string{"pulsewall.js", "room.js", "guest.js"} {
		_, body := get(t, http.MethodGet, assets.URL(name), "identity")
		if err := parse(name, []byte(body)); err != nil {
			t.Error(err)
		}
		if strings.Contains(body, "\n ") || strings.Contains(body, " = ") || len(body) < 1000 {
			t.Errorf("%s: %d bytes with indents or comments", name, len(body))
		}
	}
}
