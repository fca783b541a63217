package dashboard_test

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestNegotiation answers the live address by what the headers ask for.
func TestNegotiation(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	tests := []struct {
		path   string
		header []string
		want   string
	}{
		{"/live?wait=0", nil, "application/json"},
		{"/live?wait=0", []string{"Accept: application/json"}, "application/json"},
		{"/live?wait=0", []string{"Upgrade: h2c", "Connection: Upgrade"}, "application/json"},
		{"/live", []string{"Accept: text/event-stream"}, "text/event-stream"},
		{"/live", []string{"Accept: text/html, Text/Event-Stream"}, "text/event-stream"},
		{"/live/sse", nil, "text/event-stream"},
		{"/live/poll?wait=0", []string{"Accept: text/event-stream"}, "application/json"},
	}
	for _, tt := range tests {
		ctx, cancel := context.WithCancel(t.Context())
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range tt.header {
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
		}
		res, err := w.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		h := res.Header
		if got := h.Get("Content-Type"); res.StatusCode != 200 || !strings.HasPrefix(got, tt.want) {
			t.Errorf("GET %s with %q = %d %s; want %s", tt.path, tt.header, res.StatusCode, got, tt.want)
		}
		if h.Get("Cache-Control") != "no-store, no-transform" || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Upgrade") {
			t.Errorf("GET %s: Cache-Control %q, Vary %q", tt.path, h.Get("Cache-Control"), h.Values("Vary"))
		}
		cancel()
		_ = res.Body.Close()
	}
}

// TestQuery makes subscriptions canonical, in the order of the query, each once.
func TestQuery(t *testing.T) {
	w := newWall(t, options(&counting{perUser: true}), false)
	tests := []struct{ query, want string }{
		{"sub=rows", `["rows/-/1/10"]`},
		{"unionId=7&sub=rows", `["rows/7/1/10"]`},
		{"unionId=007&sub=rows/8", `["rows/8/1/10"]`},
		{"unionId=7&feed=rows&current=2&size=5", `["rows/7/2/5"]`},
		{"sub=rows/-/2&sub=rows&sub=rows/-/2/10", `["rows/-/2/10","rows/-/1/10"]`},
		{"sub=rows;kind=k", `["rows/-/1/10;kind=k"]`},
		{"sub=rows%3Bkind%3Dk", `["rows/-/1/10;kind=k"]`},
		{"unknown=1", `[]`},
	}
	for _, tt := range tests {
		a := w.do("GET", "/live?wait=0&"+tt.query, "")
		if !strings.Contains(a.body, `"subs":`+tt.want) {
			t.Errorf("live?%s = %d %.300s; want subs %s", tt.query, a.StatusCode, a.body, tt.want)
		}
	}
}

var moment = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"|\b\d{13,16}\b`)

// TestReadingJSON holds the words and the order of a reading. Times and versions are written T.
func TestReadingJSON(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	a := w.do("GET", "/api/readings?feed=rows&size=1", "")
	const want = `{"sub":"rows/-/1/1","version":T,"at":T,"due":T,"status":"ok",` +
		`"page":{"records":[{"id":"row 0","kind":"k","user":"","value":1}],"total":100,"size":1,"current":1,"pages":100},` +
		`"points":{"row 0":[[T,1]]}}`
	if got := strings.TrimSpace(moment.ReplaceAllString(a.body, "T")); got != want {
		t.Errorf("reading\n%s; want\n%s", got, want)
	}
}
