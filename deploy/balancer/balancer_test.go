//go:build unix

package balancer

import (
	"net/http"
	"net/http/httptest"
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
		if after != before+1 || strings.Contains(string(got), "127.0.0.1:700") {
			t.Errorf("%s has %d lines instead of %d:\n%s", tt.kind, after, before+1, got)
		}
	}
	if _, err := configure([]byte("nothing"), Nginx, "127.0.0.1:9999", nodes); err == nil {
		t.Error("configure took a file without servers")
	}
}

// TestStart has each balancer give requests to all nodes in turn, and end.
func TestStart(t *testing.T) {
	var nodes []string
	for _, name := range []string{"a", "b", "c"} {
		node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Node", name) }))
		t.Cleanup(node.Close)
		nodes = append(nodes, strings.TrimPrefix(node.URL, "http://"))
	}
	for _, kind := range []Kind{Nginx, HAProxy} {
		b, err := Start(t.Context(), Options{Kind: kind, Nodes: nodes, Log: t.Output()})
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]int)
		for range 9 {
			resp, err := http.Get("http://" + b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			seen[resp.Header.Get("Node")]++
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
