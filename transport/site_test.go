package transport

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// site serves a hub at /live/ws, /live/sse and /live/poll to clients that are taken at their word.
type site struct {
	*Hub
	*httptest.Server
	t testing.TB

	mu   sync.Mutex
	ends []error // guarded by mu: of streams
}

// newSite starts a site on a listener of Listen; secure: with TLS, and so HTTP/2.
func newSite(t testing.TB, opts Options, secure bool) *site {
	t.Helper()
	if opts.Epoch == "" {
		opts.Epoch = "e"
	}
	if opts.Keep == 0 {
		opts.Keep = 2000
	}
	l, err := Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{Hub: NewHub(opts), t: t}
	s.Server = httptest.NewUnstartedServer(s)
	_ = s.Listener.Close()
	s.Listener = l
	s.Config.ConnContext = ConnContext
	if secure {
		s.EnableHTTP2 = true
		s.StartTLS()
	} else {
		s.Start()
	}
	t.Cleanup(func() {
		s.Hub.Close()
		s.CloseClientConnections()
		s.Server.Close()
	})
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	o := Opening{
		Session: q.Get("session"), UnionID: q.Get("unionId"), Name: q.Get("name"), Topics: q["sub"], Rooms: q["room"],
		Presence: q.Get("presence") == "1", After: q.Get("after"), LastEventID: r.Header.Get("Last-Event-ID"),
	}
	if q.Get("format") == "html" {
		o.Format = HTML
	}
	var err error
	switch {
	case strings.HasSuffix(r.URL.Path, "/ws"):
		if _, err = s.ServeWebSocket(w, r, o, obey, s.noteEnd); err == nil {
			return
		}
	case strings.HasSuffix(r.URL.Path, "/sse"):
		if _, err = s.ServeSSE(w, r, o, s.noteEnd); err == nil {
			return
		}
	default:
		wait, bad := time.ParseDuration(q.Get("wait") + "s")
		if bad != nil {
			wait = 25 * time.Second
		}
		if _, err = s.ServePoll(w, r, o, wait, s.noteEnd); err == nil {
			return
		}
	}
	s.noteEnd(err)
}

func (s *site) noteEnd(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ends = append(s.ends, err)
}

// ended returns how the streams ended so far.
func (s *site) ended() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]error(nil), s.ends...)
}

// obey does what an op asks, as far as a test needs.
func obey(_ context.Context, s *Session, op Op) Reply {
	switch op.Op {
	case "ping":
		return Reply{Result: map[string]any{"time": stamp(time.Now())}}
	case "subscribe":
		return Reply{Result: map[string]string{"sub": op.Sub}, Subscribe: []string{op.Sub}}
	case "unsubscribe":
		return Reply{Result: map[string]string{"sub": op.Sub}, Unsubscribe: []string{op.Sub}}
	case "join":
		return Reply{Result: map[string]string{"room": op.Room}, Join: []string{op.Room}}
	case "leave":
		return Reply{Result: map[string]string{"room": op.Room}, Leave: []string{op.Room}}
	case "who":
		return Reply{Result: map[string]any{"session": s.ID(), "unionId": s.UnionID(), "name": s.Name(), "topics": s.Topics(), "rooms": s.Rooms()}}
	}
	if op.Op == "panic" {
		panic("as asked")
	}
	if op.Op == "refused" {
		return Reply{Problem: map[string]any{"title": "Too Many Requests", "status": 429, "detail": "not now"}}
	}
	return Reply{Wrong: true, Problem: map[string]any{"title": "Bad Request", "status": 400, "detail": "no such op"}}
}

// wire is an event as a client gets it.
type wire struct {
	Event string          `json:"event"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
	Retry string          `json:"-"` // of SSE
}

func (e wire) word() string { return word(e.Event, e.Data) }

// peer is a program that watches the site over one transport.
type peer interface {
	// next returns the next event, or an error when there is none in time or the stream has ended.
	next() (wire, error)
	// cursor is where the client would resume: the last id it was told.
	cursor() string
	close()
}

// way is a transport as a client uses it.
type way struct {
	name     string
	secure   bool
	attached bool
	kind     Kind
	dial     func(t testing.TB, s *site, query url.Values) peer
}

// ways are all of them; every promise holds on each.
func ways() []way {
	return []way{
		{name: "ws", kind: WebSocket, dial: dialPlainWS},
		{name: "ws deflated", kind: WebSocket, dial: dialDeflatedWS},
		{name: "ws attached", attached: true, kind: WebSocket, dial: dialPlainWS},
		{name: "wss", secure: true, kind: WebSocket, dial: dialDeflatedWS},
		{name: "sse", kind: SSE, dial: dialSSE},
		{name: "sse gzip", kind: SSE, dial: dialGzipSSE},
		{name: "sse attached", attached: true, kind: SSE, dial: dialSSE},
		{name: "sse h2", secure: true, kind: SSE, dial: dialSSE},
		{name: "sse h2 gzip", secure: true, kind: SSE, dial: dialGzipSSE},
		{name: "poll", kind: LongPoll, dial: dialPoll},
		{name: "poll h2", secure: true, kind: LongPoll, dial: dialPoll},
	}
}

// onEachWay runs f for every way with a site of its own.
func onEachWay(t *testing.T, opts Options, f func(t *testing.T, s *site, w way)) {
	t.Helper()
	for _, w := range ways() {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			opts := opts
			opts.attached = w.attached
			f(t, newSite(t, opts, w.secure), w)
		})
	}
}

// patience is how long a test waits for what must come, on a busy machine.
const patience = 30 * time.Second

var errNothing = fmt.Errorf("no event in %v", patience)

// reads takes n events and tells them in words; heartbeats and presence are passed over.
func reads(t testing.TB, c peer, n int) string {
	t.Helper()
	var list []string
	for since := time.Now(); len(list) < n; {
		e, err := c.next()
		if err == nil && e.Event == "heartbeat" && time.Since(since) > patience {
			err = errNothing
		}
		if err != nil {
			return strings.Join(append(list, err.Error()), ", ")
		}
		if e.Event != "heartbeat" {
			list, since = append(list, e.word()), time.Now()
		}
	}
	return strings.Join(list, ", ")
}

// query makes url.Values from key, value, key, value.
func query(pairs ...string) url.Values {
	q := make(url.Values)
	for i := 0; i < len(pairs); i += 2 {
		q.Add(pairs[i], pairs[i+1])
	}
	return q
}

// httpClient is one that is closed at the end of the test.
func (s *site) httpClient() *http.Client {
	transport := s.Client().Transport.(*http.Transport).Clone()
	transport.DisableCompression = true
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// address is where to dial.
func (s *site) address() string { return s.Listener.Addr().(*net.TCPAddr).String() }
