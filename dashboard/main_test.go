package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulsewall/pulsewall/feeds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rows is a source that gives what it was told to.
type rows struct {
	about feeds.Description

	mu      sync.Mutex
	records []feeds.Record // guarded by mu
	err     error          // guarded by mu
	polls   int            // guarded by mu
}

func (s *rows) Describe() feeds.Description { return s.about }

func (s *rows) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.polls++
	return feeds.Result{Records: s.records, Total: len(s.records)}, s.err
}

// table is a source of n records: {"id":"a","value":1}, {"id":"b","value":2} and so on.
func table(n int) *rows {
	s := &rows{about: feeds.Description{
		Title: "Rows", ID: "id", Values: []string{"value"}, Whole: true, Filters: []string{"id"},
		Fields: []feeds.Field{{Name: "id", Label: "Id", Type: "string"}, {Name: "value", Label: "Value", Type: "number"}},
	}}
	for i := range n {
		s.records = append(s.records, feeds.Record{"id": string(rune('a' + i)), "value": float64(i + 1)})
	}
	return s
}

// perUser is a source whose records depend on who looks.
func perUser() *rows {
	s := table(2)
	s.about.PerUser = true
	return s
}

// wall is a dashboard that runs behind a server.
type wall struct {
	*Dashboard
	*httptest.Server
	t    testing.TB
	stop func() // returns when Run has
}

// newWall runs a dashboard until the end of the test. By default it has the feeds rows (12 records) and mine (by user), and a dashboard of both.
func newWall(t testing.TB, opts Options, secure bool) *wall {
	t.Helper()
	if opts.Node == "" {
		opts.Node = "here"
	}
	if opts.Feeds == nil {
		opts.Feeds = []feeds.Feed{
			{Name: "rows", Source: table(12), Interval: time.Hour},
			{Name: "mine", Source: perUser(), Interval: time.Hour},
		}
		opts.Boards = []Board{{Name: "main", Title: "Main", Panels: []Panel{
			{Name: "all", Feed: "rows", Size: 5},
			{Name: "own", Feed: "mine", View: "tiles"},
		}}}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	w := &wall{Dashboard: d, t: t, Server: httptest.NewUnstartedServer(d)}
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if secure {
		w.EnableHTTP2 = true
		w.StartTLS()
	} else {
		w.Start()
	}
	t.Cleanup(func() {
		w.stop()
		w.CloseClientConnections()
		w.Server.Close()
	})
	eventually(t, func() error {
		if !d.ready.Load() {
			return errors.New("not ready")
		}
		return nil
	})
	return w
}

// eventually asks until f has no complaint, for 10 s.
func eventually(t testing.TB, f func() error) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(10 * time.Second); ; <-ticker.C {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// reply is an answer, read.
type reply struct {
	*http.Response
	body string
}

// do sends a request; headers are "Name: value". Redirects are not followed.
func (w *wall) do(method, path, body string, headers ...string) reply {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body == "" {
		req.Body = http.NoBody
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Add(name, value)
	}
	resp, err := w.Client().Transport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{resp, string(b)}
}

func (w *wall) get(path string, headers ...string) reply {
	w.t.Helper()
	return w.do(http.MethodGet, path, "", headers...)
}

// post sends JSON.
func (w *wall) post(path, body string, headers ...string) reply {
	w.t.Helper()
	return w.do(http.MethodPost, path, body, append(headers, "Content-Type: application/json")...)
}

// object reads the body as a JSON object.
func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(r.body), &o); err != nil {
		t.Fatalf("%s: %v", r.body, err)
	}
	return o
}

// wantProblem checks a refusal: every one looks alike.
func (r reply) wantProblem(t testing.TB, what string, status int, detail string) {
	t.Helper()
	if r.StatusCode != status || r.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: %d %s %s; want a problem %d", what, r.StatusCode, r.Header.Get("Content-Type"), r.body, status)
		return
	}
	p := r.object(t)
	text, _ := p["detail"].(string)
	if p["type"] != "about:blank" || p["title"] != http.StatusText(status) || p["status"] != float64(status) || !strings.Contains(text, detail) {
		t.Errorf("%s: %s; want %d with %q", what, r.body, status, detail)
	}
	if retry := r.Header.Get("Retry-After"); (retry != "") != (status == 429 || status == 503) {
		t.Errorf("%s: %d with Retry-After %q", what, status, retry)
	}
	if !strings.HasPrefix(r.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%s: Cache-Control %q", what, r.Header.Get("Cache-Control"))
	}
}

// pollAnswer is the answer of a long poll.
type pollAnswer struct {
	Cursor string `json:"cursor"`
	Events []struct {
		Event string         `json:"event"`
		ID    string         `json:"id"`
		Data  map[string]any `json:"data"`
	} `json:"events"`
}

func (w *wall) poll(query string) pollAnswer {
	w.t.Helper()
	r := w.get("/live/poll?" + query)
	var a pollAnswer
	if err := json.Unmarshal([]byte(r.body), &a); err != nil || r.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d %s", query, r.StatusCode, r.body)
	}
	return a
}

// words are the events' names.
func (a pollAnswer) words() string {
	var list []string
	for _, e := range a.Events {
		list = append(list, e.Event)
	}
	return strings.Join(list, " ")
}
