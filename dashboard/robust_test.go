package dashboard

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/a-h/templ"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// A panic is a problem while nothing has been written, and a cut connection afterwards: nobody takes half an answer for a whole one.
func TestPanics(t *testing.T) {
	d, _ := newDashboard(t)
	early := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("early") })
	late := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of")
		_ = http.NewResponseController(w).Flush()
		panic("late")
	})
	s := httptest.NewServer(d.recoverer(early))
	defer s.Close()
	resp, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != 500 || resp.Header.Get("Content-Type") != "application/problem+json" || strings.Contains(string(body), "early") {
		t.Errorf("early: %d %s", resp.StatusCode, body)
	}
	s.Config.Handler = d.recoverer(late)
	resp, err = s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("late: %v; want a cut connection", err)
	}
	_ = resp.Body.Close()
}

// A page that cannot be rendered is refused like everything else.
func TestPageFails(t *testing.T) {
	d, _ := newDashboard(t)
	w := httptest.NewRecorder()
	w.Header().Set("ETag", "of the page")
	broken := templ.ComponentFunc(func(context.Context, io.Writer) error { return errors.New("broken") })
	d.render(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil), http.StatusOK, broken)
	h := w.Header()
	if w.Code != 500 || h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" || strings.Contains(w.Body.String(), "broken") {
		t.Errorf("%d %v %s", w.Code, h, w.Body)
	}
}

// What a stream needs of its response comes through everything in front of it.
func TestControllerComesThrough(t *testing.T) {
	d, _ := newDashboard(t)
	done := make(chan error, 1)
	chain := d.recoverer(d.secure(d.bounded(d.share(uncached(varying("Accept")(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		c := http.NewResponseController(w)
		err := errors.Join(c.SetWriteDeadline(time.Now().Add(time.Minute)), c.SetReadDeadline(time.Now().Add(time.Minute)), c.Flush())
		conn, _, e := c.Hijack()
		if e == nil {
			_ = conn.Close()
		}
		if !begun(w) {
			e = errors.New("a response that was flushed has not begun")
		}
		done <- errors.Join(err, e)
	})))))))
	s := httptest.NewServer(chain)
	defer s.Close()
	if resp, err := s.Client().Get(s.URL); err == nil {
		_ = resp.Body.Close()
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A connection on which a body was posted lives on when the time for the body is over.
func TestBodyDeadlineIsTakenAway(t *testing.T) {
	d, _ := newDashboard(t)
	var left time.Time
	w := &deadlines{ResponseRecorder: httptest.NewRecorder(), read: &left}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/messages", strings.NewReader(`{"to":{"all":true},"data":1}`))
	d.ServeHTTP(w, r)
	if w.Code != http.StatusAccepted || !left.IsZero() || w.set != 2 {
		t.Errorf("%d %s, deadline %v after %d settings", w.Code, w.Body, left, w.set)
	}
	w = &deadlines{ResponseRecorder: httptest.NewRecorder(), read: &left}
	r = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/nothing", strings.NewReader("never read"))
	d.ServeHTTP(w, r)
	if w.Code != http.StatusNotFound || left.IsZero() {
		t.Errorf("%d: a body that nobody reads has all the time there is", w.Code)
	}
}

// deadlines notes the read deadlines of a response.
type deadlines struct {
	*httptest.ResponseRecorder
	read *time.Time
	set  int
}

func (d *deadlines) SetReadDeadline(at time.Time) error {
	*d.read = at
	d.set++
	return nil
}

// What is said of the limits is what they are.
func TestDefaultLimits(t *testing.T) {
	if l := DefaultLimits(); l != (Limits{Connections: 100_000, ConnectionsPerAddr: 1_000, MessagesPerSecond: 1_000, Polls: 10_000, PollsPerFeed: 1_000}) {
		t.Errorf("%+v", l)
	}
}

// However many senders there are, few limiters are kept, and one sender cannot wash its limit off.
func TestSendersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSenders(5)
		for i := range 3 * mostSenders {
			if !s.allow(strconv.Itoa(i)) {
				t.Fatal("a first message is refused")
			}
		}
		if len(s.limiters) > mostSenders {
			t.Errorf("%d limiters", len(s.limiters))
		}
		sent := 0
		for range 100 {
			if s.allow("one") {
				sent++
			}
		}
		time.Sleep(time.Second)
		for range 100 {
			if s.allow("one") {
				sent++
			}
		}
		if sent != 15 {
			t.Errorf("%d messages in a second; want a burst of 10 and 5", sent)
		}
	})
}

// A hub that closes under a poll that waits leaves no empty answer behind, and takes nobody afterwards.
func TestClosedMeanwhile(t *testing.T) {
	d, _ := newDashboard(t)
	_, cursor := d.hub.Snapshot(nil)
	answered := make(chan *httptest.ResponseRecorder)
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w
	}
	go func() { answered <- get("/live/poll?after=" + cursor) }()
	for d.hub.Stats().Sessions[transport.LongPoll] == 0 {
		runtime.Gosched()
	}
	d.hub.Close()
	for _, w := range []*httptest.ResponseRecorder{<-answered, get("/live/poll"), get("/live/sse"), get("/healthz"), get("/readyz")} {
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

// FuzzOps does whatever a client asks in band: the answer is a result or a problem of the client's, and fits into JSON.
func FuzzOps(f *testing.F) {
	for _, op := range []string{
		`{"op":"ping"}`, `{"op":"subscribe","sub":"rows/-/2/5"}`, `{"op":"unsubscribe","sub":"rows"}`, `{"op":"join","room":"r"}`, `{"op":"leave","room":"r"}`,
		`{"op":"send","to":{"room":"r","users":[7,"8"]},"data":{"a":[1,null]},"key":"k"}`, `{"op":"send","to":[],"data":1}`, `{"op":"subscribe","sub":"rows;x=%zz"}`,
	} {
		f.Add([]byte(op))
	}
	d, _ := newDashboard(f)
	s := session(f, d)
	stay := &stay{d: d, visit: &Visit{}}
	f.Cleanup(func() {
		for _, h := range stay.holds {
			h.release()
		}
	})
	f.Fuzz(func(t *testing.T, text []byte) {
		var op transport.Op
		if json.Unmarshal(text, &op) != nil {
			return
		}
		reply := d.ops(stay)(t.Context(), s, op)
		if _, err := json.Marshal([]any{reply.Result, reply.Problem}); err != nil {
			t.Error(err)
		}
		if p, ok := reply.Problem.(*Problem); ok && p.Status == 500 || !ok && reply.Result == nil {
			t.Errorf("%s: %v", text, reply)
		}
		for _, topic := range reply.Subscribe {
			if sub, err := feeds.ParseSubscription(topic); err != nil || sub.String() != topic {
				t.Errorf("%s: subscribed to %q: %v", text, topic, err)
			}
			stay.release(topic)
		}
	})
}

// session is that of a stream that stays open until the end of the test.
func session(t testing.TB, d *Dashboard) *transport.Session {
	t.Helper()
	got := make(chan *transport.Session, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = d.hub.ServeWebSocket(w, r, transport.Opening{UnionID: "7"}, func(_ context.Context, s *transport.Session, _ transport.Op) transport.Reply {
			got <- s
			return transport.Reply{Result: "here"}
		}, func(error) {})
	}))
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(); srv.Close() })
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write(append([]byte{0x81, 0x80 | 13, 0, 0, 0, 0}, `{"op":"ping"}`...))
	return <-got
}
