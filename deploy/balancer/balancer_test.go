//go:build unix

package balancer

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/deploy"
)

// TestConfigure puts other nodes and another address into each file, and changes nothing else.
func TestConfigure(t *testing.T) {
	nodes := []string{"127.0.0.1:1111", "127.0.0.1:2222", "127.0.0.1:3333", "127.0.0.1:4444"}
	for _, tt := range []struct {
		kind Kind
		file []byte
		want []string
	}{
		{Nginx, deploy.Nginx, []string{"server 127.0.0.1:4444 max_fails=1", "listen 127.0.0.1:9999;"}},
		{NginxTLS, deploy.NginxTLS, []string{"server 127.0.0.1:1111 max_fails=1", "listen 127.0.0.1:9999 ssl http2;"}},
		{HAProxy, deploy.HAProxy, []string{"server node-4 127.0.0.1:4444\n", "bind 127.0.0.1:9999 tcp-ut 20s\n"}},
	} {
		got, err := configure(tt.file, tt.kind, "127.0.0.1:9999", nodes)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(got), want) {
				t.Errorf("%s has no %q:\n%s", tt.kind, want, got)
			}
		}
		before, after := strings.Count(string(tt.file), "\n"), strings.Count(string(got), "\n")
		lists := strings.Count(string(tt.file), "127.0.0.1:7001") // each has one node more
		if after != before+lists || strings.Contains(string(got), "127.0.0.1:700") {
			t.Errorf("%s has %d lines instead of %d:\n%s", tt.kind, after, before+lists, got)
		}
	}
	if _, err := configure([]byte("nothing"), Nginx, "127.0.0.1:9999", nodes); err == nil {
		t.Error("configure took a file without servers")
	}
}

// TestSockJS has each balancer give all requests of a SockJS session to one node, and sessions and what needs none to all nodes.
func TestSockJS(t *testing.T) {
	nodes := named(t, "a", "b", "c")
	for _, kind := range []Kind{Nginx, HAProxy} {
		b, err := Start(t.Context(), Options{Kind: kind, Nodes: nodes, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		seen := make(map[string]int)
		for n := range 60 {
			session, first := fmt.Sprintf("http://%s/sockjs/%03d/session%d/", b.Addr(), n%7, n), ""
			for _, request := range []string{"xhr_streaming", "xhr_send?t=1", "xhr_send?t=2", "jsonp?c=a", "websocket"} {
				resp, err := http.Get(session + request)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if first == "" {
					first = resp.Header.Get("Node")
					seen[first]++
				} else if at := resp.Header.Get("Node"); at != first {
					t.Errorf("%s: %s%s is at %s; want %s as before", kind, session, request, at, first)
				}
			}
		}
		if len(seen) != 3 {
			t.Errorf("%s gave sessions to %v; want all nodes", kind, seen)
		}
		clear(seen)
		for range 60 {
			resp, err := http.Get("http://" + b.Addr() + "/sockjs/websocket")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			seen[resp.Header.Get("Node")]++
		}
		if len(seen) != 3 {
			t.Errorf("%s gave WebSockets without SockJS's frames to %v; want all nodes", kind, seen)
		}
	}
}

// named starts nodes that say their name, and returns their host:port.
func named(t *testing.T, names ...string) (nodes []string) {
	for _, name := range names {
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Node", name) }))
		t.Cleanup(node.Close)
		nodes = append(nodes, strings.TrimPrefix(node.URL, "http://"))
	}
	return nodes
}

// turns says which nodes answer nine requests.
func turns(t *testing.T, b *Balancer) map[string]int {
	t.Helper()
	seen := make(map[string]int)
	for range 9 {
		resp, err := http.Get("http://" + b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		seen[resp.Header.Get("Node")]++
	}
	return seen
}

// TestStart has each balancer give requests to all nodes in turn, and end.
func TestStart(t *testing.T) {
	nodes := named(t, "a", "b", "c")
	for _, kind := range []Kind{Nginx, HAProxy} {
		b, err := Start(t.Context(), Options{Kind: kind, Nodes: nodes, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		seen := turns(t, b)
		for tries := 0; tries < 2 && len(slices.Compact(slices.Collect(maps.Values(seen)))) > 1; tries++ {
			seen = turns(t, b) // one that a busy machine held up has no turn for a second
		}
		if seen["a"] != 3 || seen["b"] != 3 || seen["c"] != 3 {
			t.Errorf("%s asked %v; want each node three times", kind, seen)
		}
		if _, err := Start(t.Context(), Options{Kind: kind, Nodes: nodes, Listen: b.Addr()}); err == nil {
			t.Errorf("%s started where somebody listens", kind)
		}
		b.Close()
		select {
		case <-b.Done():
		default:
			t.Errorf("%s is there after Close", kind)
		}
	}
	if _, err := Start(t.Context(), Options{Kind: Nginx, Nodes: nodes, Config: []byte("server 127.0.0.1:1;\nlisten 127.0.0.1:2;\n")}); err == nil ||
		!strings.Contains(err.Error(), "directive is not allowed here") {
		t.Errorf("a wrong file: %v; want what nginx says of it", err)
	}
}
