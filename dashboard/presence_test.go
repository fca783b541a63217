package dashboard_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

// TestPresence counts users, connections and rooms, and finds users by unionId.
func TestPresence(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	for _, query := range []string{"?unionId=7&name=Ann&room=r", "?unionId=7", "?unionId=8&room=r&room=s", ""} {
		w.socket(query).until("hello")
	}
	tests := []struct{ path, want string }{
		{"", `{"users":3,"connections":5,"nodes":["here"],"degraded":false}`},
		{"?room=r", `{"room":"r","users":2,"connections":2,"joined":[],"left":[]}`},
		{"?room=empty", `{"room":"empty","users":0,"connections":0,"joined":[],"left":[]}`},
		{"/users/9", `{"unionId":"9","connections":1,"transports":{"poll":1},"nodes":["here"]}`},
		{"/users/8", `{"unionId":"8","connections":1,"transports":{"websocket":1},"nodes":["here"]}`},
		{"/users/10", `{"unionId":"10","connections":0,"transports":{},"nodes":[]}`},
	}
	for _, tt := range tests {
		w.poll("unionId=9&session=poller") // counts for 30 s
		if got := strings.TrimSpace(w.get("/api/presence" + tt.path).body); got != tt.want {
			t.Errorf("presence%s = %s; want %s", tt.path, got, tt.want)
		}
	}
	for query, want := range map[string]string{"": "7 8 9 of 3 in 1", "?size=2": "7 8 of 3 in 2", "?size=2&current=2": "9 of 3 in 2", "?current=2147483647&size=500": "of 3 in 1"} {
		o := w.get("/api/presence/users" + query).object(t)
		got := ""
		for _, r := range o["records"].([]any) {
			got += fmt.Sprint(r.(map[string]any)["unionId"], " ")
		}
		if got += fmt.Sprint("of ", o["total"], " in ", o["pages"]); got != want {
			t.Errorf("users%s = %s; want %s", query, got, want)
		}
	}
	found := w.post("/api/messages", `{"to":{"users":["7","9","10"]},"data":1}`).object(t)
	if fmt.Sprint(found["online"], found["offline"]) != "[7 9] [10]" {
		t.Errorf("found %v", found)
	}
}

// TestMetrics holds the names that operators build on.
func TestMetrics(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	w.socket("?sub=rows").until("reading")
	w.get("/nothing")
	for _, line := range []string{
		`pulsewall_sessions{transport="websocket"} 1`, `pulsewall_sessions{transport="sse"} 0`, `pulsewall_polls_total{feed="rows",outcome="ok"} 1`,
		`pulsewall_poll_seconds_count{feed="rows"} 1`, `pulsewall_data_age_seconds{feed="rows"}`, `pulsewall_deliveries_total{transport="websocket"}`,
		`pulsewall_bytes_total{transport="websocket"}`, "pulsewall_slow_closes_total 0", "pulsewall_resets_total 0", "pulsewall_messages_kept 0", "pulsewall_users 0",
		"pulsewall_connections 1", "pulsewall_polls_wanted 1", `pulsewall_feed_circuit_open{feed="rows"} 0`, "pulsewall_degraded 0", `pulsewall_clients{transport="websocket"} 1`, `pulsewall_nodes{state="live"} 1`, `pulsewall_nodes{state="gone"} 0`, `pulsewall_refused_total{status="404"} 1`, "go_goroutines",
	} {
		eventually(t, func() error { // a client may have its reading before that has been counted
			if !strings.Contains(w.get("/metrics").body, "\n"+line) {
				return fmt.Errorf("no %s", line)
			}
			return nil
		})
	}
}

var href = regexp.MustCompile(`href="(/d/main\?[^"]*)"`)

// TestWithoutScripts turns the pages of a table by its links, keeping who looks and how the other panels stand.
func TestWithoutScripts(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	first := w.get("/d/main?unionId=7&size=30&p.own=2")
	if !strings.Contains(first.body, "row 29") || strings.Contains(first.body, "row 30<") || !strings.Contains(first.body, `http-equiv="refresh"`) {
		t.Errorf("the first page: %s", first.body)
	}
	for _, m := range href.FindAllStringSubmatch(first.body, -1) {
		path := strings.ReplaceAll(m[1], "&amp;", "&")
		if !strings.Contains(path, "p.all=2") {
			continue
		}
		second := w.get(path)
		if !strings.Contains(second.body, "row 59") || !strings.Contains(second.body, `data-union-id="7"`) || !strings.Contains(path, "p.own=2") {
			t.Errorf("%s: %s", path, second.body)
		}
		return
	}
	t.Error("no link to the second page")
}
