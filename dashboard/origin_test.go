package dashboard_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

// Another site's page may not act; this site's, configured ones and programs may. The rule is one for posts and all of the live address,
// where a GET counts somebody as online.
func TestOrigin(t *testing.T) {
	const ok, no = true, false
	plain := newWall(t, two(dashboard.Options{Origins: []string{"https://Wall.example:443/", "http://127.0.0.1:9"}}), false)
	null := newWall(t, two(dashboard.Options{Origins: []string{"null"}}), false)
	secure := newWall(t, two(dashboard.Options{}), true)
	proxied := newWall(t, two(dashboard.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}), false)
	tests := []struct {
		wall    *wall
		headers string // separated by |; HERE is the server's own host and port
		allowed bool
	}{
		{plain, "", ok},
		{plain, "Origin: http://HERE", ok},
		{plain, "Origin: https://HERE", ok}, // TLS may end in a proxy that does not say so
		{plain, "Origin: http://evil.example", no},
		{plain, "Origin: http://127.0.0.1", no},
		{plain, "Origin: http://127.0.0.1:9", ok},
		{plain, "Origin: https://wall.example", ok},
		{plain, "Origin: http://wall.example", no},
		{plain, "Origin: https://wall.example.evil.example", no},
		{plain, "Origin: null", no},
		{null, "Origin: null", ok},
		{null, "Origin: http://evil.example", no},
		{plain, "Origin: nonsense", no},
		{plain, "Origin: http://%zz", no},
		{plain, "Origin: http://192.0.2.1|Host: 192.0.2.1:80", ok},
		{plain, "Origin: http://LOCALHOST:80|Host: localhost", ok},
		{plain, "Origin: http://192.0.2.1|Host: 192.0.2.1:8080", no},
		{plain, "Origin: http://example.org|X-Forwarded-Host: example.org", no}, // nobody vouches for it
		{plain, "Origin: http://evil.example|Sec-Fetch-Site: same-origin", no},
		{plain, "Sec-Fetch-Site: same-origin", ok},
		{plain, "Sec-Fetch-Site: none", ok},
		{plain, "Sec-Fetch-Site: same-site", no},
		{plain, "Sec-Fetch-Site: cross-site", no},
		{plain, "Sec-Fetch-Site: cross-site|Referer: http://evil.example/page", no},
		{plain, "Sec-Fetch-Site: cross-site|Referer: https://wall.example/page", ok},
		{plain, "Sec-Fetch-Site: cross-site|Referer: https://wall.example/page|Host: wall.example", no},
		{plain, "Sec-Fetch-Site: cross-site|Referer: http://HERE/d/main", no}, // a link of ours to a page of theirs that sends back here
		{plain, "Referer: http://HERE/d/main?x=1", ok},
		{plain, "Referer: http://evil.example/", no},
		{plain, "Referer: about:blank", no},
		{secure, "Origin: https://HERE", ok},
		{secure, "Origin: http://HERE", no},
		{proxied, "Origin: https://wall.example|X-Forwarded-Host: wall.example|X-Forwarded-Proto: https", ok},
		{proxied, "Origin: https://wall.example|X-Forwarded-Host: wall.example, inner:7000", ok},
		{proxied, "Origin: http://wall.example|X-Forwarded-Host: wall.example|X-Forwarded-Proto: https", no},
		{proxied, "Origin: https://HERE|X-Forwarded-Host: wall.example", no},
	}
	for _, tt := range tests {
		var headers []string
		if tt.headers != "" {
			headers = strings.Split(strings.ReplaceAll(tt.headers, "HERE", tt.wall.Listener.Addr().String()), "|")
		}
		tt.wall.checkOrigin(headers, tt.allowed, tt.wall != secure) // WebSockets over HTTP/2 are refused anyway
	}
}

// checkOrigin posts, polls and opens streams with headers of a browser.
func (w *wall) checkOrigin(headers []string, allowed, socket bool) {
	w.t.Helper()
	post := w.post("/api/messages", `{"to":{"all":true},"data":1}`, headers...)
	if !allowed {
		post.wantProblem(w.t, fmt.Sprintf("post with %q", headers), 403, "proxy_set_header Host $http_host;")
	} else if post.StatusCode != 202 {
		w.t.Errorf("post with %q: %d %s", headers, post.StatusCode, post.body)
	}
	if poll := w.get("/live?wait=0", headers...); allowed && poll.StatusCode != 200 {
		w.t.Errorf("poll with %q: %d %s", headers, poll.StatusCode, poll.body)
	} else if !allowed {
		poll.wantProblem(w.t, fmt.Sprintf("poll with %q", headers), 403, "allows its own pages")
		w.get("/live", append(headers, "Accept: text/event-stream")...).wantProblem(w.t, fmt.Sprintf("stream with %q", headers), 403, "allows its own pages")
	}
	if socket && allowed {
		w.socket("", headers...).until("hello")
	} else if socket {
		w.get("/live", append(headers, handshake...)...).wantProblem(w.t, fmt.Sprintf("WebSocket with %q", headers), 403, "allows its own pages")
	}
}

func TestBadOrigins(t *testing.T) {
	for _, origin := range []string{"", "wall.example", "ftp://wall.example", "https://", "https://wall.example/path", "https://u@wall.example", "https://wall.example?x", "*"} {
		if _, err := dashboard.New(dashboard.Options{Origins: []string{origin}}); err == nil || !strings.Contains(err.Error(), "scheme://host[:port]") {
			t.Errorf("origin %q: %v", origin, err)
		}
	}
}

// Pages of configured origins may ask first and read the answer. Others are told nothing but why they are refused.
func TestShared(t *testing.T) {
	w := newWall(t, two(dashboard.Options{Origins: []string{"https://wall.example"}}), false)
	for origin, want := range map[string]string{"https://wall.example": "https://wall.example", "https://evil.example": "", "http://wall.example": "", "null": ""} {
		for _, path := range []string{"/api/presence", "/api/readings?sub=nope", "/pulsewall.js", "/healthz", "/"} {
			got := w.get(path, "Origin: "+origin).Header
			if got.Get("Access-Control-Allow-Origin") != want || !strings.Contains(got.Get("Vary"), "Origin") {
				t.Errorf("%s from %s: Access-Control-Allow-Origin %q, Vary %q; want %q", path, origin, got.Get("Access-Control-Allow-Origin"), got.Get("Vary"), want)
			}
		}
		for _, path := range []string{"/live/poll?wait=0", "/live?sub=nope"} {
			got := w.get(path, "Origin: "+origin)
			if got.Header.Get("Access-Control-Allow-Origin") != origin || (want == "") != (got.StatusCode == 403) {
				t.Errorf("%s from %s: %d, %v", path, origin, got.StatusCode, got.Header)
			}
		}
		ask := w.do("OPTIONS", "/api/messages", "", "Origin: "+origin, "Access-Control-Request-Method: POST")
		if ask.Header.Get("Access-Control-Allow-Origin") != want || (ask.StatusCode == 204) != (want != "") {
			t.Errorf("preflight from %s: %d %v", origin, ask.StatusCode, ask.Header)
		}
	}
}

// The client for other pages has an address that stays, and is loaded again only when it has changed.
func TestClientScript(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	script := w.get("/pulsewall.js")
	tag := script.Header.Get("ETag")
	if script.StatusCode != 200 || script.Header.Get("Content-Type") != "text/javascript; charset=utf-8" ||
		script.Header.Get("Cache-Control") != "public, max-age=300" || !strings.Contains(script.body, "pulsewall.connect=function") || tag == "" {
		t.Errorf("/pulsewall.js: %d %v", script.StatusCode, script.Header)
	}
	if got := w.get("/pulsewall.js", "If-None-Match: "+tag, "Accept-Encoding: gzip"); got.StatusCode != 304 || got.body != "" {
		t.Errorf("the same again: %d, %d bytes", got.StatusCode, len(got.body))
	}
	if got := w.do("HEAD", "/pulsewall.js", ""); got.StatusCode != 200 || got.body != "" || got.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d, %d bytes", got.StatusCode, len(got.body))
	}
	w.post("/pulsewall.js", "").wantProblem(t, "post", 405, "allows GET, HEAD")
}

// A name that is not this server's own may be anybody's, who then reads along in the browsers of this machine.
func TestRebinding(t *testing.T) {
	const ok, no = true, false
	open := newWall(t, two(dashboard.Options{Origins: []string{"https://Wall.example:8443", "null"}}), false)
	proxied := newWall(t, two(dashboard.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}), false)
	tests := []struct {
		wall *wall
		host string
		want bool
	}{
		{open, "127.0.0.1:7000", ok}, {open, "127.0.0.1", ok}, {open, "[::1]:7000", ok}, {open, "192.0.2.1", ok},
		{open, "localhost", ok}, {open, "LocalHost:7000", ok}, {open, "localhost.", ok}, {open, "wall.localhost:7000", ok},
		{open, "wall.example", ok}, {open, "WALL.example:7000", ok},
		{open, "evil.example", no}, {open, "evil.example:7000", no}, {open, "localhost.evil.example", no}, {open, "notlocalhost", no},
		{open, "127.0.0.1.evil.example:7000", no}, {open, "sub.wall.example", no}, {open, "null", no}, {open, "1", no},
		{proxied, "evil.example", ok},
	}
	for _, tt := range tests {
		for _, path := range []string{"/", "/live/poll?wait=0", "/api/messages", "/metrics", "/nothing"} {
			a := tt.wall.get(path, "Host: "+tt.host, "Accept: text/html")
			if !tt.want {
				a.wantProblem(t, tt.host+path, 403, "--trusted-proxy")
			} else if a.StatusCode == 403 {
				t.Errorf("%s%s: %d %s", tt.host, path, a.StatusCode, a.body)
			}
		}
	}
}

// TestPagesAreKeptFromOthers refuses another site's page with a page, which that may not read: it has more on it than why.
func TestPagesAreKeptFromOthers(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	for _, path := range []string{"/chat", "/index/hello1", "/api/messages"} {
		got := w.do("POST", path, "to=room:r&data=x", "Origin: http://other.example", "Content-Type: application/x-www-form-urlencoded", "Accept: text/html")
		if got.StatusCode != 403 || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("POST %s = %d, which %q may read; want 403 and nobody", path, got.StatusCode, got.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}
