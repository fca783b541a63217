package dashboard_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

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

// TestSockJSOverHTTP2 has SockJS's transports over HTTP share one connection.
func TestSockJSOverHTTP2(t *testing.T) {
	w := newWall(t, dashboard.Options{}, true)
	var peers []*sockJSPeer
	for _, way := range []string{"xhr_streaming", "eventsource", "xhr", "jsonp"} {
		peers = append(peers, w.sockJS(way, ""))
	}
	for _, from := range peers {
		from.say(hostile)
		for _, p := range peers {
			p.want(hostile)
		}
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
	for _, line := range []string{"POST /sockjs/0/one/xhr", "GET /sockjs/0/two/jsonp?c=f", "POST /sockjs/0/none/xhr_send"} {
		method, path, _ := strings.Cut(line, " ")
		if got := w.do(method, path, "").Header.Get("Cache-Control"); got != "no-store, no-transform" {
			t.Errorf("%s: Cache-Control %q; want no-store, no-transform", line, got)
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
	for _, body := range []string{"", "x", `{"a":"b"}`, `["a",1]`, `["a"`, `"a"`, "null", `[null]`, "[\"\xff\"]"} {
		w.do("POST", send, body).wantProblem(t, body, 400, "want a JSON array of strings")
	}
	w.do("POST", send, `["`+strings.Repeat("x", 600<<10)+`"]`).wantProblem(t, "too much", 413, "524288 bytes")
	p.say("still here")
	p.want("still here")
	form := "Content-Type: application/x-www-form-urlencoded"
	if a := w.do("POST", send, `["a=b&c"]`, form); a.StatusCode != 204 {
		t.Errorf("called a form: %d %s", a.StatusCode, a.body)
	}
	p.want("a=b&c")
	w.do("POST", strings.TrimSuffix(send, "xhr_send")+"jsonp_send", "d=%5B%22%FF%22%5D", form).wantProblem(t, "a form", 400, "in UTF-8")
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
		go func() {
			got := "nothing"
			defer func() { frames <- got }() // though the test has failed
			got = (&sockJSPeer{w: w, way: "xhr", base: p.base}).frame("")
		}()
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
