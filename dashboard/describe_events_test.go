package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport"
)

// streams are events that came, each as an object, and how they were held against the description.
type streams struct {
	t    *testing.T
	d    *described
	mu   sync.Mutex
	seen map[string]bool // "websocket reply"; guarded by mu
}

// check holds an event against its description, and the description against more than there is.
func (s *streams) check(way, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var e map[string]any
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		s.t.Errorf("%s: %.200s: %v", way, text, err)
		return
	}
	name, _ := e["event"].(string)
	message := s.d.at(asyncapi, "components", "messages").at(name)
	if message.v == nil {
		s.t.Errorf("%s: event %q is not described", way, name)
		return
	}
	if err := message.at("payload").fits(s.t, text); err != nil {
		s.t.Errorf("%s: %v\n%.500s", way, err, text)
	}
	s.seen[way+" "+name] = true
	for _, more := range []string{`{"news":1,`, `"data":{"news":1,`} {
		other := strings.Replace(text, more[:strings.LastIndex(more, `"n`)], more, 1)
		if message.at("payload").fits(s.t, other) == nil {
			s.t.Errorf("%s %s with a further field fits: %.200s", way, name, other)
		}
	}
}

func (s *streams) has(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[what]
}

// await waits until events were seen on a way.
func (s *streams) await(way string, names ...string) {
	s.t.Helper()
	eventually(s.t, func() error {
		for _, name := range names {
			if !s.has(way + " " + name) {
				return fmt.Errorf("%s on %s was not seen", name, way)
			}
		}
		return nil
	})
}

// sse reads an event stream until it ends.
func (s *streams) sse(body io.Reader) {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, 1<<20)
	fields := make(map[string]string)
	for lines.Scan() {
		if lines.Text() != "" {
			name, value, _ := strings.Cut(lines.Text(), ": ")
			fields[name] = value
			continue
		}
		text := fmt.Sprintf(`{"event":%q,`, fields["event"])
		if id, ok := fields["id"]; ok {
			text += fmt.Sprintf(`"id":%q,`, id)
		}
		s.check("sse", text+`"data":`+fields["data"]+"}")
		clear(fields)
	}
}

// poll polls until ctx ends.
func (s *streams) poll(ctx context.Context, address string) {
	after := "&wait=0&after=nonsense"
	for ctx.Err() == nil {
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, address+after, nil)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return
		}
		var answer struct {
			Cursor string
			Events []json.RawMessage
		}
		err = json.NewDecoder(res.Body).Decode(&answer)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return
		}
		for _, e := range answer.Events {
			s.check("poll", string(e))
		}
		after = "&wait=1&after=" + answer.Cursor
	}
}

// ops are what a client of a WebSocket may send, and whether its description says so.
var ops = []struct {
	fits bool
	text string
}{
	{true, `{"op":"ping","ref":"1"}`}, {true, `{"op":"subscribe","sub":"mine/7/1/2","ref":"2"}`}, {true, `{"op":"unsubscribe","sub":"mine/7/1/2"}`},
	{true, `{"op":"join","room":"s"}`}, {true, `{"op":"leave","room":"s"}`},
	{true, `{"op":"send","to":{"all":true},"data":[{}],"key":"k","ref":"3"}`}, {true, `{"op":"send","to":{"users":["7",8],"room":"r"},"data":null}`},
	{false, `{"op":"subscribe","sub":7}`}, {false, `{"op":"join","room":"a b"}`}, {false, `{"op":"send","data":1}`}, {false, `{"op":"send","to":{},"data":1}`},
	{false, `{"op":"send","to":{"all":true,"room":"r"},"data":1}`}, {false, `{"op":"send","to":{"all":true}}`},
	{false, `{"op":"ping","ref":"` + strings.Repeat("x", 65) + `"}`},
}

// TestDescribedEvents sees every event on every transport that has it, and says every op: all of it is as described, and what the
// description does not allow is answered with a problem.
func TestDescribedEvents(t *testing.T) {
	opts := two(dashboard.Options{})
	opts.Logger = slog.New(slog.DiscardHandler)
	d, err := dashboard.New(opts)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(running) }()
	server := httptest.NewServer(d)
	defer server.Close()
	w := &wall{server, t}
	s := &streams{t: t, d: w.described(), seen: make(map[string]bool)}
	const query = "?unionId=7&name=Ann&sub=rows/-/1/3&room=r&presence=1"
	var reading sync.WaitGroup
	defer reading.Wait()

	socket := w.older("/live/ws" + query + "&after=nonsense")
	res, err := http.Get(w.URL + "/live/sse" + query + "&after=nonsense")
	if err != nil {
		t.Fatal(err)
	}
	reading.Go(func() {
		defer res.Body.Close()
		s.sse(res.Body)
	})
	replies := make(chan string, 1)
	reading.Go(func() {
		for text := range socket.texts {
			s.check("websocket", text)
			if strings.HasPrefix(text, `{"event":"reply"`) {
				replies <- text
			}
		}
	})
	reading.Go(func() { s.poll(running, w.URL+"/live/poll"+query) })
	w.poll("unionId=8&room=r") // somebody else comes
	for _, op := range ops {
		s.op(socket, op.text, op.fits, replies)
	}
	for _, way := range []string{"websocket", "sse", "poll"} {
		s.await(way, "hello", "reading", "message", "reset", "presence", "room")
	}
	s.await("websocket", "reply")
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	s.await("websocket", "bye")
	s.await("sse", "bye")
	s.heartbeat()
	for _, message := range s.d.at(asyncapi, "operations", "events", "messages").v.([]any) {
		ref := message.(map[string]any)["$ref"].(string)
		if name := ref[strings.LastIndex(ref, "/")+1:]; !s.has("websocket "+name) && !s.has("sse "+name) {
			t.Errorf("event %s is described, but was not seen", name)
		}
	}
}

// op says an op and holds it against its description: who follows that is not refused.
func (s *streams) op(socket *older, text string, fits bool, replies <-chan string) {
	s.t.Helper()
	var op struct{ Op string }
	if err := json.Unmarshal([]byte(text), &op); err != nil {
		s.t.Fatal(err)
	}
	err := s.d.at(asyncapi, "components", "messages", op.Op, "payload").fits(s.t, text)
	if (err == nil) != fits {
		s.t.Errorf("%s: %v; want it to fit: %v", text, err, fits)
	}
	if err := socket.Send([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	select {
	case reply := <-replies:
		if strings.Contains(reply, `"problem"`) == fits {
			s.t.Errorf("%s: %s", text, reply)
		}
	case <-time.After(time.Minute):
		s.t.Fatalf("%s: no reply in a minute", text)
	}
}

// heartbeat sees one, of a hub that is in a hurry.
func (s *streams) heartbeat() {
	hub := transport.NewHub(transport.Options{Heartbeat: 50 * time.Millisecond})
	defer hub.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = hub.ServeSSE(w, r, transport.Opening{}, func(error) {}) // it ends with the hub
	}))
	defer server.Close()
	res, err := http.Get(server.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { s.sse(res.Body) })
	s.await("sse", "heartbeat")
	_ = res.Body.Close()
	reading.Wait()
}

// TestDescribedTexts holds what older clients get against its description.
func TestDescribedTexts(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	messages := w.described().at(asyncapi, "components", "messages")
	fits := func(name, text string) {
		t.Helper()
		if messages.at(name, "contentType").text() == "text/plain" {
			b, _ := json.Marshal(text)
			text = string(b)
		}
		if err := messages.at(name, "payload").fits(t, text); err != nil {
			t.Errorf("%s: %v\n%.300s", name, err, text)
		}
	}
	const first, second = `{"unionId":"7","current":1,"size":3}`, `{"unionId":8}`
	c := w.older("/msg")
	fits("wanted", first)
	fits("page", c.says(first))
	fits("wanted", second)
	fits("time", c.says(second))
	fits("error", c.says("junk"))
	w.get("/index/hello1?id=1&idList=8&data=psst")
	fits("text", c.hears())
	m := w.older("/message")
	fits("text", m.says("hello"))
	fits("error", m.says(strings.Repeat("x", 9000)))
}
