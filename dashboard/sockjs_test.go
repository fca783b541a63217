package dashboard_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// sockJSWays are how a client gets into the room.
var sockJSWays = []string{"websocket", "raw", "door", "xhr_streaming", "eventsource", "xhr", "jsonp"}

// sockJSPeer is the least SockJS client there can be.
type sockJSPeer struct {
	w    *wall
	way  string
	base string // address of the session
	conn *wsconn.Conn
	body *bufio.Reader // of a stream
	said []string      // came, and not taken yet
}

// sockJS opens a session by a way, with a query, and waits until it is open.
func (w *wall) sockJS(way, query string) *sockJSPeer {
	w.t.Helper()
	p := &sockJSPeer{w: w, way: way, base: w.URL + "/sockjs/000/" + strings.ToLower(rand.Text())}
	address := map[string]string{"raw": w.URL + "/sockjs/websocket", "door": w.URL + "/sockjs", "websocket": p.base + "/websocket"}[way]
	if address != "" {
		conn, _, err := wsconn.Dial(w.t.Context(), address+query, wsconn.DialOptions{Options: wsconn.Options{ReadLimit: 1 << 20, WriteTimeout: 30 * time.Second}})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(conn.CloseNow)
		p.conn = conn
	}
	if way == "raw" || way == "door" {
		return p
	}
	if frame := p.frame(query); frame != "o" {
		w.t.Fatalf("%s: first frame %q; want o", way, frame)
	}
	return p
}

// frame returns the next frame but heartbeats.
func (p *sockJSPeer) frame(query string) string {
	p.w.t.Helper()
	for {
		line, err := p.line(query)
		if err != nil {
			p.w.t.Fatalf("%s: %v", p.way, err)
		}
		line = strings.TrimSpace(line)
		switch p.way {
		case "eventsource":
			var isData bool
			if line, isData = strings.CutPrefix(line, "data: "); !isData {
				continue
			}
			line, err = url.PathUnescape(line)
		case "jsonp":
			err = json.Unmarshal([]byte(strings.TrimSuffix(strings.TrimPrefix(line, "cb("), ");")), &line)
		}
		if err != nil {
			p.w.t.Fatalf("%s: %q: %v", p.way, line, err)
		}
		if line != "" && line[0] != 'h' {
			return line
		}
	}
}

func (p *sockJSPeer) line(query string) (string, error) {
	if p.conn != nil {
		text, err := p.conn.Read()
		return string(text), err
	}
	if p.body == nil || p.way == "xhr" || p.way == "jsonp" {
		method := http.MethodPost
		if p.way == "jsonp" {
			method, query = http.MethodGet, "?c=cb"+strings.Replace(query, "?", "&", 1)
		} else if p.way == "eventsource" {
			method = http.MethodGet
		}
		r, err := http.NewRequestWithContext(p.w.t.Context(), method, p.base+"/"+p.way+query, nil)
		if err != nil {
			return "", err
		}
		res, err := p.w.Client().Do(r)
		if err != nil {
			return "", err
		}
		p.w.t.Cleanup(func() { _ = res.Body.Close() })
		if res.StatusCode != http.StatusOK {
			return "", fmt.Errorf("status %d", res.StatusCode)
		}
		p.body = bufio.NewReader(res.Body)
		if p.way == "xhr" || p.way == "jsonp" {
			all, err := io.ReadAll(p.body)
			return string(all), err
		}
	}
	return p.body.ReadString('\n')
}

// next returns the next text; at the end it fails.
func (p *sockJSPeer) next() string {
	p.w.t.Helper()
	for len(p.said) == 0 {
		if p.way == "raw" || p.way == "door" {
			text, err := p.conn.Read()
			if err != nil {
				p.w.t.Fatalf("%s: %v", p.way, err)
			}
			return string(text)
		}
		frame := p.frame("")
		if frame[0] != 'a' {
			p.w.t.Fatalf("%s: frame %q; want an array", p.way, frame)
		}
		if err := json.Unmarshal([]byte(frame[1:]), &p.said); err != nil {
			p.w.t.Fatalf("%s: %q: %v", p.way, frame, err)
		}
	}
	text := p.said[0]
	p.said = p.said[1:]
	return text
}

func (p *sockJSPeer) want(text string) {
	p.w.t.Helper()
	if got := p.next(); got != text {
		p.w.t.Fatalf("%s: %.200q; want %.200q", p.way, got, text)
	}
}

func (p *sockJSPeer) say(texts ...string) {
	p.w.t.Helper()
	if p.way == "raw" || p.way == "door" {
		for _, text := range texts {
			if err := p.conn.Send([]byte(text)); err != nil {
				p.w.t.Fatal(err)
			}
		}
		return
	}
	frame, err := json.Marshal(texts)
	if err != nil {
		p.w.t.Fatal(err)
	}
	var a answer
	path := strings.TrimPrefix(p.base, p.w.URL)
	switch p.way {
	case "websocket":
		if err := p.conn.Send(frame); err != nil {
			p.w.t.Fatal(err)
		}
		return
	case "jsonp":
		a = p.w.do(http.MethodPost, path+"/jsonp_send", url.Values{"d": {string(frame)}}.Encode(), "Content-Type: application/x-www-form-urlencoded")
	default:
		a = p.w.do(http.MethodPost, path+"/xhr_send", string(frame), "Content-Type: text/plain")
	}
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNoContent {
		p.w.t.Fatalf("%s: say: %d %s", p.way, a.StatusCode, a.body)
	}
}

// hostile is text that somebody may take for something else.
const hostile = "</script><script>alert(1)</script>\u2028\"\\'%0a\r\n\x00\u202e\U0001f600 a[\"x\"] c[2010,\"Another connection still open\"]"

// TestSockJS has clients of each way in one room: what one says, or a program sends, all hear once and in order.
func TestSockJS(t *testing.T) {
	w := newWall(t, dashboard.Options{}, false)
	var peers []*sockJSPeer
	for i, way := range sockJSWays {
		peers = append(peers, w.sockJS(way, fmt.Sprintf("?unionId=%d&name=N%d", i+1, i+1)))
	}
	if a := w.get("/api/presence?room=sockjs").object(t); a["connections"] != float64(len(peers)) || a["users"] != float64(len(peers)) {
		t.Errorf("presence of the room: %v; want %d", a, len(peers))
	}
	if a := w.get("/api/presence/users/1").object(t); fmt.Sprint(a["transports"]) != "map[sockjs:1]" || a["name"] != "N1" {
		t.Errorf("user 1: %v; want one by sockjs", a)
	}
	largest := strings.Repeat("ä", 4095)
	for _, from := range peers {
		from.say("first of "+from.way, hostile, largest)
		for _, p := range peers {
			p.want("first of " + from.way)
			p.want(hostile)
			p.want(largest)
		}
	}
	w.post("/api/messages", `{"to":{"room":"sockjs"},"data":{"a":[1]}}`)
	w.post("/api/messages", `{"to":{"all":true},"data":"to all"}`)
	w.post("/api/messages", `{"to":{"users":["3"]},"data":"to 3"}`)
	w.post("/api/messages", `{"to":{"room":"sockjs"},"data":null}`)
	for _, p := range peers {
		p.want(`{"a":[1]}`)
		p.want("to all")
		if p == peers[2] {
			p.want("to 3")
		}
		p.want("null")
	}
	for _, p := range peers {
		p.say(largest + "xxx")
		if got := p.next(); !strings.HasPrefix(got, `{"error":"data has 8195 bytes`) {
			t.Errorf("%s: too large: %.200q; want an error", p.way, got)
		}
	}
	peers[0].say("end")
	for _, p := range peers {
		p.want("end")
	}
	last := w.get("/api/messages?room=sockjs&limit=1000").object(t)["messages"].([]any)
	m := last[0].(map[string]any)
	if fmt.Sprintf("%v %v %v", m["from"], m["room"], m["data"]) != "map[name:N1 unionId:1] sockjs first of websocket" {
		t.Errorf("first message %v", m)
	}
}

// TestSockJSAround has what SockJS's clients expect around sessions.
func TestSockJSAround(t *testing.T) {
	w := newWall(t, dashboard.Options{Origins: []string{"http://friend.example"}}, false)
	for _, path := range []string{"/sockjs", "/sockjs/"} {
		if a := w.get(path); a.StatusCode != 200 || a.body != "Welcome to SockJS!\n" {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.body)
		}
	}
	info := w.get("/sockjs/info", "Origin: http://friend.example")
	if o := info.object(t); o["websocket"] != true || o["cookie_needed"] != false {
		t.Errorf("info: %v", o)
	}
	if h := info.Header; h.Get("Access-Control-Allow-Origin") != "http://friend.example" || h.Get("Access-Control-Allow-Credentials") != "true" || h.Get("Vary") == "" {
		t.Errorf("info for a friend: %v", h)
	}
	for _, headers := range [][]string{nil, {"Origin: http://stranger.example"}, {"Origin: " + w.URL}} {
		a := w.get("/sockjs/info", headers...)
		if a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("info for %v may be read: %v", headers, a.Header)
		}
	}
	for _, path := range []string{"/sockjs/iframe.html", "/sockjs/iframe-1.6.1.min.html", "/sockjs/0/s/htmlfile?c=a"} {
		w.get(path).wantProblem(t, path, 404, "there is nothing at")
	}
}

// TestSockJSRefusals has what is refused, before anything is counted.
func TestSockJSRefusals(t *testing.T) {
	w := newWall(t, dashboard.Options{Origins: []string{"http://friend.example"}, Limits: dashboard.Limits{Connections: 1}}, false)
	stranger := "Origin: http://stranger.example"
	tests := []struct {
		method, path, body string
		status             int
		detail             string
		header             []string
	}{
		{"POST", "/sockjs/0/s/xhr", "", 403, "stranger", []string{stranger}},
		{"GET", "/sockjs/0/s/eventsource", "", 403, "stranger", []string{stranger}},
		{"GET", "/sockjs/0/s/jsonp?c=f", "", 403, "cross-site", []string{"Sec-Fetch-Site: cross-site"}},
		{"GET", "/sockjs/0/s/jsonp?c=f", "", 403, "stranger", []string{"Sec-Fetch-Site: cross-site", "Referer: http://stranger.example/"}},
		{"POST", "/sockjs/0/s/jsonp_send", "d=[]", 403, "stranger", []string{stranger, "Content-Type: application/x-www-form-urlencoded", "Accept: text/html"}},
		{"GET", "/sockjs/0/s/websocket", "", 403, "stranger", append([]string{stranger}, handshake...)},
		{"GET", "/sockjs/websocket", "", 403, "stranger", append([]string{stranger}, handshake...)},
		{"GET", "/sockjs", "", 403, "stranger", append([]string{stranger}, handshake...)},
		{"GET", "/sockjs", "", 426, "proxy_set_header Upgrade", []string{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="}},
		{"POST", "/sockjs/0/s/xhr?unionId=x", "", 400, "unionId", nil},
		{"POST", "/sockjs/0/s/xhr?name=" + strings.Repeat("n", 65), "", 400, "65 characters", nil},
		{"POST", "/sockjs/0/s.s/xhr", "", 400, "session", nil},
		{"POST", "/sockjs/0/" + strings.Repeat("s", 65) + "/xhr", "", 400, "session", nil},
		{"GET", "/sockjs/0/s/jsonp", "", 400, "function", nil},
		{"GET", "/sockjs/0/s/jsonp?c=alert(1)", "", 400, "alert(1)", nil},
		{"POST", "/sockjs/0/s/xhr_send", "[]", 404, "another node", nil},
		{"GET", "/sockjs/0/s/xhr", "", 405, "POST", nil},
	}
	for _, tt := range tests {
		a := w.do(tt.method, tt.path, tt.body, tt.header...)
		a.wantProblem(t, tt.method+" "+tt.path, tt.status, tt.detail)
	}
	p := w.sockJS("xhr", "")
	w.do("POST", "/sockjs/0/other/xhr", "").wantProblem(t, "one more session", 503, "all 1 connections are taken")
	send := strings.TrimPrefix(p.base, w.URL) + "/xhr_send"
	for _, body := range []string{"", "x", `{"a":"b"}`, `["a",1]`, `["a"`, `"a"`} {
		w.do("POST", send, body).wantProblem(t, body, 400, "want a JSON array of strings")
	}
	w.do("POST", send, `["`+strings.Repeat("x", 600<<10)+`"]`).wantProblem(t, "too much", 413, "524288 bytes")
	p.say("still here")
	p.want("still here")
	if a := w.do("POST", send, `[]`, "Origin: http://friend.example"); a.StatusCode != 204 || a.Header.Get("Access-Control-Allow-Origin") != "http://friend.example" {
		t.Errorf("a friend: %d %v", a.StatusCode, a.Header)
	}
}

// TestSockJSPolls has a client that polls as fast as it can, with messages all the time: no poll is taken for a second one beside the one
// before, and nothing is lost between two. Two at a time are told so.
func TestSockJSPolls(t *testing.T) {
	w := newWall(t, dashboard.Options{}, false)
	p, other := w.sockJS("xhr", ""), w.sockJS("raw", "")
	const most = 300
	go func() {
		for i := range most {
			if other.conn.Send([]byte(fmt.Sprint(i))) != nil {
				return
			}
		}
	}()
	for i := range most {
		p.want(fmt.Sprint(i))
	}
	frames := make(chan string, 2)
	for range 2 {
		go func() { frames <- (&sockJSPeer{w: w, way: "xhr", base: p.base}).frame("") }()
	}
	if frame := <-frames; frame != `c[2010,"Another connection still open"]` {
		t.Errorf("the second of two polls: %q", frame)
	}
	other.say("goes on")
	if frame := <-frames; frame != `a["goes on"]` {
		t.Errorf("the first of two polls: %q", frame)
	}
}

// TestSockJSLeaves has the server leave: each client is told.
func TestSockJSLeaves(t *testing.T) {
	d, err := dashboard.New(dashboard.Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	w := &wall{server, t}
	var peers []*sockJSPeer
	for _, way := range sockJSWays {
		peers = append(peers, w.sockJS(way, ""))
	}
	last := make(chan string, len(peers))
	for _, p := range peers {
		go func() {
			got := "nothing"
			defer func() { last <- got }() // though the test has failed
			if p.way == "raw" || p.way == "door" {
				_, err := p.conn.Read()
				got = fmt.Sprint(wsconn.CloseCode(err))
				return
			}
			got = p.frame("")
		}()
	}
	cancel()
	for range peers {
		if got := <-last; got != "1012" && got != `c[1012,"restart"]` {
			t.Errorf("last: %q; want 1012", got)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	w.do("POST", "/sockjs/0/late/xhr", "").wantProblem(t, "late", 503, "leaving")
	eventually(t, func() error { // the library's own goroutines, which nobody can wait for
		stacks := make([]byte, 1<<20)
		if stacks = stacks[:runtime.Stack(stacks, true)]; bytes.Contains(stacks, []byte("sessionByRequest")) {
			return errors.New("a session has not ended")
		}
		return nil
	})
}
