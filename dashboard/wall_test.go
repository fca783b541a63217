package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// counting is a feed of a hundred rows that counts its polls.
type counting struct {
	polls   atomic.Int64
	perUser bool
	text    string
}

func (c *counting) Describe() feeds.Description {
	return feeds.Description{
		Title: "Counting", ID: "id", Values: []string{"value"}, Whole: true, PerUser: c.perUser, Filters: []string{"kind"},
		Fields: []feeds.Field{{Name: "id", Label: "Id", Type: "string"}, {Name: "value", Label: "Value", Type: "number"}, {Name: "kind", Label: "Kind", Type: "string"}},
	}
}

func (c *counting) Poll(_ context.Context, q feeds.Query) (feeds.Result, error) {
	n := c.polls.Add(1)
	var out feeds.Result
	for i := range 100 {
		out.Records = append(out.Records, feeds.Record{"id": fmt.Sprintf("row %d%s", i, c.text), "value": float64(n), "kind": "k", "user": q.UnionID})
	}
	return out, nil
}

// wall is a dashboard behind a test server.
type wall struct {
	*httptest.Server
	t testing.TB
}

// seldom is an interval that no test outlasts, so that one poll is one poll on a machine however slow.
const seldom = time.Hour

func options(source feeds.Source) dashboard.Options {
	return dashboard.Options{
		Node:  "here",
		Feeds: []feeds.Feed{{Name: "rows", Source: source, Interval: seldom}},
		Boards: []dashboard.Board{{Name: "main", Title: "Main", Panels: []dashboard.Panel{
			{Name: "table", Feed: "rows"}, {Name: "curve", Feed: "rows", View: "chart", Size: 3},
		}}},
	}
}

// two adds to opts the feeds rows (a hundred records) and mine (by user), and a dashboard of both.
func two(opts dashboard.Options) dashboard.Options {
	opts.Node = "here"
	opts.Feeds = []feeds.Feed{{Name: "rows", Source: &counting{}, Interval: seldom}, {Name: "mine", Source: &counting{perUser: true}, Interval: seldom}}
	opts.Boards = []dashboard.Board{{Name: "main", Title: "Main", Panels: []dashboard.Panel{
		{Name: "all", Feed: "rows", Size: 5}, {Name: "own", Feed: "mine", View: "tiles"},
	}}}
	return opts
}

// newWall runs a dashboard until the end of the test.
func newWall(t testing.TB, opts dashboard.Options, secure bool) *wall {
	t.Helper()
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := dashboard.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	s := httptest.NewUnstartedServer(d)
	_ = s.Listener.Close()
	if s.Listener, err = transport.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Config.ConnContext = transport.ConnContext
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Client().CloseIdleConnections()
		s.Close()
	})
	return &wall{s, t}
}

// answer is a response with its body read.
type answer struct {
	*http.Response
	body string
}

func (w *wall) get(path string, header ...string) answer {
	w.t.Helper()
	return w.do(http.MethodGet, path, "", header...)
}

// post sends JSON.
func (w *wall) post(path, body string, header ...string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, path, body, append(header, "Content-Type: application/json")...)
}

// do sends a request; header holds "Name: value" lines.
func (w *wall) do(method, path, body string, header ...string) answer {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header.Add(name, value)
	}
	client := *w.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Timeout = time.Minute
	res, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{res, string(b)}
}

func (a answer) object(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	return v
}

// wantProblem checks a refusal: every one looks alike.
func (a answer) wantProblem(t testing.TB, what string, status int, detail string) {
	t.Helper()
	if a.StatusCode != status || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %s %s; want a problem %d", what, a.StatusCode, a.Header.Get("Content-Type"), a.body, status)
		return
	}
	p := a.object(t)
	text, _ := p["detail"].(string)
	if p["type"] != "about:blank" || p["title"] != http.StatusText(status) || p["status"] != float64(status) || !strings.Contains(text, detail) {
		t.Errorf("%s: %s; want %d with %q", what, a.body, status, detail)
	}
	if retry := a.Header.Get("Retry-After"); (retry != "") != (status == 429 || status == 503) {
		t.Errorf("%s: %d with Retry-After %q", what, status, retry)
	}
	if !strings.HasPrefix(a.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%s: Cache-Control %q", what, a.Header.Get("Cache-Control"))
	}
}

// eventually asks until f has no complaint, for a minute.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-ticker.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// poll asks once and returns what there is, hello first.
func (w *wall) poll(query string) []event {
	w.t.Helper()
	a := w.get("/live/poll?wait=0&" + query)
	var got struct{ Events []event }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.StatusCode != http.StatusOK || len(got.Events) == 0 {
		w.t.Fatalf("%s: %d %s", query, a.StatusCode, a.body)
	}
	return got.Events
}
