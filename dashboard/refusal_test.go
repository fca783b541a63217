package dashboard_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

func repeat(pair string, n int) string { return strings.Repeat(pair+"&", n) }

// Whatever is wrong with a live query is refused alike on all transports, before any upgrade.
func TestLiveQueryRefused(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	tests := []struct {
		query  string
		status int
		detail string
	}{
		{"sub=nope", 404, `"nope"; mine, rows are there`},
		{"sub=", 400, `feed ""`},
		{"sub=rows/-/0/10", 400, `current "0"`},
		{"sub=rows/-/1/501", 400, `size "501"`},
		{"sub=rows/x", 400, `unionId "x"`},
		{"sub=rows/9223372036854775808", 400, "9223372036854775808"},
		{"sub=rows/-/1/10/9", 400, "5 parts"},
		{"sub=rows;color=red", 400, `parameter "color"`},
		{"sub=rows%3Bcolor=red", 400, `parameter "color"`},
		{"sub=rows@there", 400, `node "there"`},
		{"feed=rows/-/1/1", 400, "sub="},
		{"feed=rows&size=0", 400, `size "0"`},
		{"current=2", 400, "feed="},
		{"unionId=seven", 400, `"seven"`},
		{"unionId=1.5", 400, `"1.5"`},
		{"name=" + strings.Repeat("%C3%A4", 65), 400, "65 characters"},
		{"room=a%20b", 400, `room "a b"`},
		{"room=", 400, `room ""`},
		{repeat("room=r", 51), 400, "51 rooms: at most 50"},
		{repeat("sub=rows", 51), 400, "51 subscriptions: at most 50"},
		{"presence=yes", 400, `presence "yes"`},
		{"format=xml", 400, "json and html"},
		{"session=a%00b", 400, "hello"},
		{"wait=26", 400, "0 to 25"},
		{"wait=-1", 400, "0 to 25"},
		{"wait=NaN", 400, "0 to 25"},
		{"sub=%zz", 400, "percent-encoded"},
		{"name=%ff", 400, "UTF-8"},
		{"x=" + strings.Repeat("y", 16<<10), 400, "bytes"},
	}
	for _, tt := range tests {
		var bodies [3]string
		for i, way := range []string{"ws", "sse", "poll"} {
			var headers []string
			if way == "ws" {
				headers = handshake
			}
			r := w.get("/live/"+way+"?"+tt.query, headers...)
			r.wantProblem(t, way+"?"+fmt.Sprintf("%.60s", tt.query), tt.status, tt.detail)
			if got := r.Header.Get("Vary"); got != "Accept, Accept-Encoding, Upgrade" {
				t.Errorf("%s: Vary %q", tt.query, got)
			}
			bodies[i] = r.body
		}
		if bodies[0] != bodies[1] || bodies[1] != bodies[2] {
			t.Errorf("%s: not alike: %q", tt.query, bodies)
		}
	}
}

// A unionId that is none is told so where there is no subscription.
func TestUnionIDRefused(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	for _, path := range []string{"/live?unionId=x", "/live?unionId=x&sub=rows", "/api/presence/users/x", "/api/messages?unionId=x", "/d/main?unionId=x"} {
		w.get(path).wantProblem(t, path, 400, `malformed unionId: "x"; a 64-bit integer is allowed`)
	}
	w.get("/index/hello1?id=x&idList=2").wantProblem(t, "hello1", 400, `id "x": want a 64-bit integer`)
}

// Whatever a query lets through comes back in hello, canonical and in order.
func TestLiveQueryTaken(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	tests := []struct{ query, subs string }{
		{"", "[]"},
		{"sub=rows", "[rows/-/1/10]"},
		{"feed=rows&current=2&size=5", "[rows/-/2/5]"},
		{"feed=rows&current=&size=", "[rows/-/1/10]"},
		{"sub=rows/-/1/10;kind=a&sub=rows%2F-%2F1%2F10%3Bkind%3Db", "[rows/-/1/10;kind=a rows/-/1/10;kind=b]"},
		{"sub=rows;kind=a%2526b", "[rows/-/1/10;kind=a%26b]"},
		{"sub=rows&sub=rows/-/1/10&sub=rows/7", "[rows/-/1/10]"},
		{"sub=mine&unionId=7", "[mine/7/1/10]"},
		{"sub=mine/-/1/10&unionId=-7", "[mine/-7/1/10]"},
		{"sub=mine/8&unionId=7", "[mine/8/1/10]"},
		{"sub=mine&unionId=-", "[mine/-/1/10]"},
		{"sub=mine/007", "[mine/7/1/10]"},
		{repeat("sub=rows", 50), "[rows/-/1/10]"},
		{"unknown=parameter&sub=rows", "[rows/-/1/10]"},
	}
	for _, tt := range tests {
		e := w.poll(tt.query)[0]
		if got := fmt.Sprint(e.Data["subs"]); e.Event != "hello" || got != tt.subs {
			t.Errorf("%s: %s; want %s", tt.query, got, tt.subs)
		}
	}
}

// Everything that is no live query is refused alike too.
func TestRefused(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	tests := []struct {
		method, path string
		headers      []string
		status       int
		detail       string
	}{
		{"GET", "/nothing", nil, 404, "/nothing"},
		{"GET", "/d/nothing", nil, 404, "there are main"},
		{"GET", "/d/main/", nil, 404, "/d/main/"},
		{"GET", "/d/main?p.nothing=2", nil, 400, "all, own"},
		{"GET", "/d/main?s.nothing=2", nil, 400, "all, own"},
		{"GET", "/d/main?p.all=0", nil, 400, `p.all "0"`},
		{"GET", "/d/main?s.all=501", nil, 400, "1 to 500"},
		{"GET", "/d/main?unionId=x", nil, 400, `"x"`},
		{"GET", "/api/readings", nil, 400, "0 subscriptions: want one"},
		{"GET", "/api/readings?sub=rows&sub=mine", nil, 400, "2 subscriptions: want one"},
		{"GET", "/api/readings?sub=nope", nil, 404, "nope"},
		{"GET", "/api/readings?sub=rows&format=csv", nil, 400, "json and html"},
		{"GET", "/api/messages?limit=1001", nil, 400, "1 to 1000"},
		{"GET", "/api/messages?room=%2F", nil, 400, `room "/"`},
		{"GET", "/api/presence?room=", nil, 400, `room ""`},
		{"GET", "/api/presence/users?size=0", nil, 400, "1 to 500"},
		{"GET", "/api/presence/users/x", nil, 400, `"x"`},
		{"GET", "/api/presence/users/-", nil, 400, `"-"`},
		{"HEAD", "/live", nil, 405, ""},
		{"POST", "/live", nil, 405, "GET"},
		{"DELETE", "/api/messages", nil, 405, "GET, HEAD, POST"},
		{"PUT", "/d/main", nil, 405, "GET, HEAD"},
		{"GET", "/assets/nothing.js", nil, 404, "/assets/nothing.js"},
		{"POST", "/assets/nothing.js", nil, 405, "GET, HEAD"},
		{"GET", "/live", []string{"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}, 426, "proxy_set_header Upgrade $http_upgrade;"},
		{"GET", "/live/ws", nil, 426, "proxy_http_version 1.1;"},
		{"GET", "/live", []string{handshake[0], handshake[1], handshake[3], "Sec-WebSocket-Version: 8"}, 426, "want 13"},
		{"GET", "/live", handshake[:3], 400, "0 Sec-WebSocket-Key"},
		{"GET", "/live", append([]string{"Sec-WebSocket-Key: short"}, handshake[:3]...), 400, "16 bytes"},
	}
	for _, tt := range tests {
		what := tt.method + " " + tt.path
		r := w.do(tt.method, tt.path, "", tt.headers...)
		if tt.method == http.MethodHead { // has no body
			if r.StatusCode != tt.status || r.body != "" {
				t.Errorf("%s: %d %q", what, r.StatusCode, r.body)
			}
		} else {
			r.wantProblem(t, what, tt.status, tt.detail)
		}
		if allow := r.Header.Get("Allow"); (allow != "") != (tt.status == 405) {
			t.Errorf("%s: Allow %q", what, allow)
		}
		if upgrade := r.Header.Get("Upgrade"); (upgrade != "") != (tt.status == 426) {
			t.Errorf("%s: Upgrade %q", what, upgrade)
		}
	}
}

// A person gets a page, and each refusal is counted.
func TestRefusedPerson(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	page := w.get("/d/nothing?x=<script>", "Accept: text/html,*/*")
	if page.StatusCode != 404 || !strings.HasPrefix(page.Header.Get("Content-Type"), "text/html") || !strings.Contains(page.body, "there are main") {
		t.Errorf("a person gets %d %s %s", page.StatusCode, page.Header.Get("Content-Type"), page.body)
	}
	body := w.get("/metrics").body
	if !strings.Contains(body, `pulsewall_refused_total{status="404"} 1`) {
		t.Error("refusals are not counted")
	}
}

// Over HTTP/2 there is no Upgrade, neither asked for nor answered.
func TestRefusedHTTP2(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), true)
	r := w.get("/live", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
	if r.ProtoMajor != 2 || r.Header.Get("Upgrade") != "" {
		t.Errorf("%s with Upgrade %q", r.Proto, r.Header.Get("Upgrade"))
	}
	r.wantProblem(t, "handshake over HTTP/2", 426, "HTTP/2.0")
	w.get("/live/sse?sub=nope").wantProblem(t, "sse", 404, "nope")
	if hsts := w.get("/").Header.Get("Strict-Transport-Security"); hsts != "" { // it would bind every port of the host for a year
		t.Errorf("HSTS %q", hsts)
	}
}

func TestLimits(t *testing.T) {
	t.Run("connections", func(t *testing.T) {
		w := newWall(t, two(dashboard.Options{Limits: dashboard.Limits{Connections: 1}}), false)
		w.socket("").until("hello")
		for _, way := range []string{"sse", "poll"} {
			w.get("/live/"+way).wantProblem(t, way, 503, "all 1 connections")
		}
		w.get("/live", handshake...).wantProblem(t, "ws", 503, "all 1 connections")
	})
	t.Run("of an address", func(t *testing.T) {
		loopback := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		w := newWall(t, two(dashboard.Options{TrustedProxies: loopback, Limits: dashboard.Limits{ConnectionsPerAddr: 1}}), false)
		s := w.socket("", "X-Forwarded-For: 9.9.9.9, 203.0.113.7:4711")
		s.until("hello")
		w.get("/live/poll?wait=0", "X-Forwarded-For: 203.0.113.7").wantProblem(t, "the same address", 429, "203.0.113.7 has 1")
		for _, other := range []string{"203.0.113.8", "203.0.113.7, 127.0.0.1, 203.0.113.9", "nonsense", "203.0.113.7, nonsense", "127.0.0.1", "2001:db8::1"} {
			if r := w.get("/live/poll?wait=0", "X-Forwarded-For: "+other); r.StatusCode != 200 {
				t.Errorf("%s: %d %s", other, r.StatusCode, r.body)
			}
		}
		_ = s.conn.Close()
		eventually(t, func() error {
			if r := w.get("/live/poll?wait=0", "X-Forwarded-For: 203.0.113.7"); r.StatusCode != 200 {
				return fmt.Errorf("its place is not free again: %s", r.body)
			}
			return nil
		})
	})
	t.Run("polls", func(t *testing.T) {
		w := newWall(t, two(dashboard.Options{Limits: dashboard.Limits{Polls: 2}}), false)
		w.socket("?sub=mine/1&sub=mine/2").until("hello")
		for _, path := range []string{"/live/sse?sub=mine/3", "/live/poll?sub=mine/3", "/api/readings?sub=mine/3"} {
			w.get(path).wantProblem(t, path, 429, "2 in all are allowed")
		}
		problem, _ := w.socket("?sub=mine/1").ask(`{"op":"subscribe","sub":"mine/3"}`).Data["problem"].(map[string]any)
		if problem["status"] != 429.0 {
			t.Errorf("in band: %v", problem)
		}
	})
}
