package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestOps asks in band, right and wrong.
func TestOps(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	s := w.socket("?unionId=7&name=Ann")
	s.until("hello")
	tests := []struct{ op, want string }{
		{`{"op":"ping","ref":"1"}`, `"time":"`},
		{`{"op":"subscribe","ref":"2","sub":"rows/7/1/5"}`, `"sub":"rows/-/1/5"`},
		{`{"op":"subscribe","ref":"3","sub":"rows"}`, `"sub":"rows/-/1/10"`},
		{`{"op":"subscribe","ref":"4","sub":"nope"}`, `"status":404`},
		{`{"op":"subscribe","ref":"5","sub":""}`, `"status":400`},
		{`{"op":"unsubscribe","ref":"6","sub":"rows"}`, `"sub":"rows/-/1/10"`},
		{`{"op":"join","ref":"7","room":"r"}`, `"room":"r"`},
		{`{"op":"join","ref":"8","room":"a b"}`, `"status":400`},
		{`{"op":"send","ref":"9","to":{"room":"r"},"data":{"x":1},"key":"k"}`, `"online":1`},
		{`{"op":"send","ref":"10","to":{"users":["7","8"]},"data":1}`, `"offline":["8"]`},
		{`{"op":"send","ref":"11","to":{"users":["7"]}}`, `"status":400`},
		{`{"op":"send","ref":"12","data":1}`, `"status":400`},
		{`{"op":"leave","ref":"13","room":"r"}`, `"room":"r"`},
		{`{"op":"dance","ref":"14"}`, `"status":400`},
		{`{"op":"send","ref":"15","to":{"all":true},"data":"` + strings.Repeat("x", 9000) + `"}`, `"status":413`},
		{`{"op":"subscribe","ref":"16","sub":7}`, `"status":400`},
		{`[]`, `"status":400`},
	}
	for _, tt := range tests {
		e := s.ask(tt.op)
		b, _ := json.Marshal(e.Data)
		if !strings.Contains(string(b), tt.want) {
			t.Errorf("%.60s: %s; want %s", tt.op, b, tt.want)
		}
	}
}

// TestMessageArrives sends by POST and gets it on all three ways.
func TestMessageArrives(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := newWall(t, options(&counting{}), secure)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		r, _ := http.NewRequestWithContext(ctx, "GET", w.URL+"/live?unionId=7&feed=rows", nil)
		r.Header.Set("Accept", "text/event-stream")
		res, err := w.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(res.Body)
		until := func(part string) {
			for lines.Scan() {
				if strings.Contains(lines.Text(), part) {
					return
				}
			}
			t.Fatalf("no %s: %v", part, lines.Err())
		}
		until("event: hello")
		until("event: reading")
		w.do("POST", "/api/messages", `{"to":{"users":["7"]},"data":"hi there"}`, "Content-Type: application/json")
		until(`hi there`)
		cancel()
		_ = res.Body.Close()
		if a := w.do("GET", "/live?wait=0&unionId=7&after=earliest", ""); !strings.Contains(a.body, "hi there") {
			t.Error(a.body)
		}
		if a := w.do("GET", "/live?wait=0&unionId=8&after=earliest", ""); strings.Contains(a.body, "hi there") {
			t.Error("of another user:", a.body)
		}
	}
}

// stuck ignores the end of its context.
type stuck struct {
	counting
	asked   chan struct{}
	release chan struct{}
	once    sync.Once
}

func (s *stuck) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	s.once.Do(func() { close(s.asked) })
	<-s.release
	return feeds.Result{}, nil
}

// TestDrain lets clients go though a source does not come back.
func TestDrain(t *testing.T) {
	source := &stuck{asked: make(chan struct{}), release: make(chan struct{})}
	d, err := dashboard.New(options(source))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	srv := httptest.NewServer(d)
	w := &wall{srv, t}
	s := w.socket("?feed=rows")
	s.until("hello")
	<-source.asked
	cancel()
	if e := s.until("bye"); e.Data["retry"] == nil {
		t.Error(e)
	}
	if code := s.closed(); code != 1012 {
		t.Errorf("after the bye: close %d; want 1012", code)
	}
	ready, live := w.do("GET", "/readyz", ""), w.do("GET", "/live?wait=0", "")
	if ready.StatusCode != 503 || live.StatusCode != 503 || live.Header.Get("Retry-After") == "" {
		t.Errorf("readyz %d, live %d %v; want 503 and when to come back", ready.StatusCode, live.StatusCode, live.Header)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("Run waits for a source that ignores its context")
	}
	close(source.release)
	srv.Client().CloseIdleConnections()
	srv.Close()
}

// TestBuiltin serves every built-in dashboard and what programs ask.
func TestBuiltin(t *testing.T) {
	w := newWall(t, dashboard.Options{Node: "here"}, false)
	paths := []string{"/", "/api/feeds", "/api/nodes", "/api/presence?room=r", "/api/presence/users", "/api/presence/users/7", "/metrics", "/healthz", "/readyz"}
	for _, b := range dashboard.BuiltinBoards() {
		paths = append(paths, "/d/"+b.Name+"?unionId=7")
	}
	for _, path := range paths {
		if a := w.do("GET", path, ""); a.StatusCode != 200 || a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s = %d %.200s; want 200 with nosniff", path, a.StatusCode, a.body)
		}
	}
}
