package dashboard_test

import (
	"bufio"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

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
