package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is a hub in a network of its own, in the time of a synctest bubble.
type site struct {
	t   *testing.T
	bar func(w http.ResponseWriter, r *http.Request) bool // says whether it has answered in place of the site

	mu     sync.Mutex
	hub    *transport.Hub
	server *http.Server
	calls  chan net.Conn // nil: nobody listens
	down   func()
	asked  []string // guarded by mu: paths and queries
	log    []transport.Item
	keys   map[string]string
}

// newSite runs until the end of the test.
func newSite(t *testing.T) *site {
	s := &site{t: t, keys: make(map[string]string)}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *site) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := make(chan net.Conn)
	s.hub = transport.NewHub(transport.Options{Node: "n", Epoch: "e"})
	s.hub.Restart("e", 0, s.log)
	s.server = &http.Server{Handler: s}
	s.calls = calls
	server, hub := s.server, s.hub
	served := make(chan struct{})
	l := &listener{calls: calls, closed: make(chan struct{})}
	go func() {
		defer close(served)
		_ = server.Serve(l)
	}()
	s.down = func() {
		hub.Close()
		_ = server.Close()
		<-served
	}
}

func (s *site) stop() {
	s.mu.Lock()
	down := s.down
	s.calls, s.down = nil, nil
	s.mu.Unlock()
	if down != nil {
		down()
	}
}

type listener struct {
	calls  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.calls:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }

// client is one whose connections go to the site.
func (s *site) client(o client.Options) *client.Client {
	t := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		s.mu.Lock()
		calls := s.calls
		s.mu.Unlock()
		if calls == nil {
			return nil, errors.New("connection refused")
		}
		here, there := net.Pipe()
		select {
		case calls <- there:
			return here, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
	s.t.Cleanup(t.CloseIdleConnections)
	o.URL, o.HTTPClient = "http://wall.test", &http.Client{Transport: t}
	return client.New(o)
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.RequestURI())
	hub, bar := s.hub, s.bar
	s.mu.Unlock()
	if bar != nil && bar(w, r) {
		return
	}
	q := r.URL.Query()
	o := transport.Opening{
		Session: q.Get("session"), UnionID: q.Get("unionId"), Name: q.Get("name"), Topics: q["sub"], Rooms: q["room"],
		Presence: q.Get("presence") == "1", After: q.Get("after"),
	}
	for _, sub := range o.Topics {
		if strings.HasPrefix(sub, "bad") {
			problem(w, http.StatusNotFound, "no such feed")
			return
		}
	}
	switch r.URL.Path {
	case "/live/ws":
		_, _ = hub.ServeWebSocket(w, r, o, s.obey, func(error) {})
	case "/live/sse":
		_, _ = hub.ServeSSE(w, r, o, func(error) {})
	case "/live/poll":
		wait, _ := time.ParseDuration(q.Get("wait") + "s")
		_, _ = hub.ServePoll(w, r, o, wait, func(error) {})
	case "/api/messages":
		var m struct {
			To   transport.Address
			Data json.RawMessage
			Key  string
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			problem(w, http.StatusBadRequest, err.Error())
			return
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = fmt.Fprintf(w, `{"id":%q,"online":1,"offline":0,"degraded":false}`, s.say(m.Key, m.To, m.Data))
	}
}

func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail})
}

// say places a message once for each key.
func (s *site) say(key string, to transport.Address, data json.RawMessage) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if id := s.keys[key]; key != "" && id != "" {
		return id
	}
	item := transport.Item{Position: transport.Position{Epoch: "e", Seq: int64(len(s.log)) + 1}, Message: transport.Message{To: to, At: time.Now(), Data: data}}
	s.log = append(s.log, item)
	s.hub.Append(item)
	s.keys[key] = item.ID()
	return item.ID()
}

// sayAll says something to all.
func (s *site) sayAll(data string) {
	s.say("", transport.Address{All: true}, json.RawMessage(fmt.Sprintf("%q", data)))
}

func (s *site) obey(_ context.Context, _ *transport.Session, op transport.Op) transport.Reply {
	switch op.Op {
	case "subscribe":
		if strings.HasPrefix(op.Sub, "bad") {
			return transport.Reply{Problem: map[string]any{"status": 404, "detail": "no such feed"}}
		}
		return transport.Reply{Result: map[string]string{"sub": op.Sub}, Subscribe: []string{op.Sub}}
	case "unsubscribe":
		return transport.Reply{Result: map[string]string{"sub": op.Sub}, Unsubscribe: []string{op.Sub}}
	case "join":
		return transport.Reply{Result: map[string]string{"room": op.Room}, Join: []string{op.Room}}
	case "leave":
		return transport.Reply{Result: map[string]string{"room": op.Room}, Leave: []string{op.Room}}
	case "send":
		var to transport.Address
		if err := json.Unmarshal(op.To, &to); err != nil {
			return transport.Reply{Problem: map[string]any{"status": 400, "detail": err.Error()}}
		}
		return transport.Reply{Result: map[string]any{"id": s.say(op.Key, to, op.Data), "online": []string{"7"}, "offline": []string{}}}
	}
	return transport.Reply{Result: map[string]any{"time": time.Now().UTC().Format("2006-01-02T15:04:05.000Z")}}
}

// shown is the content of a reading.
type shown struct {
	sub string
	v   int64
	due time.Time
}

func (c shown) Encode(_ transport.Format, next bool) []byte {
	if next {
		return fmt.Appendf(nil, `{"sub":%q,"version":%d,"status":"ok","at":%q,"due":%q,"same":true}`, c.sub, c.v, stamp(time.Now()), stamp(c.due))
	}
	return fmt.Appendf(nil, `{"sub":%q,"version":%d,"status":"ok","at":%q,"due":%q,"page":{"records":[{"n":%d}],"total":1,"size":10,"current":1,"pages":1},"points":{"n":[[1000,1],[2000,%d]]}}`,
		c.sub, c.v, stamp(time.Now()), stamp(c.due), c.v, c.v)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// put makes v the newest of a subscription; the next is due in 10 s.
func (s *site) put(sub string, v int64) {
	s.mu.Lock()
	hub := s.hub
	s.mu.Unlock()
	hub.Put(transport.NewUpdate(sub, v, v-1, shown{sub, v, time.Now().Add(10 * time.Second)}))
}

// requests returns what was asked so far, and forgets it.
func (s *site) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.asked
	s.asked = nil
	return list
}
