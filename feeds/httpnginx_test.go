//go:build unix

package feeds

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// TestHTTPNginx asks a real server, which compresses and knows what is still the same; it is killed and started again.
func TestHTTPNginx(t *testing.T) {
	t.Parallel()
	server, err := servers.Nginx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	serve := func(user, value int) {
		if err := server.Serve(fmt.Sprintf("user-%d.json", user), fmt.Sprintf(`{"rows":[{"user":%d,"value":%d}]}`, user, value)); err != nil {
			t.Fatal(err)
		}
	}
	h := newTestHTTP(t, HTTPOptions{URL: Secret(server.URL() + "/user-{unionId}.json"), Records: "rows"})
	want := func(user, value int) {
		t.Helper()
		res, err := h.Poll(t.Context(), Query{UnionID: fmt.Sprint(user)})
		if got := fmt.Sprint(res.Records); err != nil || got != fmt.Sprintf("[map[user:%d value:%d]]", user, value) {
			t.Errorf("user %d: %s, %v; want value %d", user, got, err, value)
		}
	}
	serve(7, 1)
	serve(8, 2)
	want(7, 1)
	want(8, 2)
	want(7, 1)
	serve(7, 30)
	want(7, 30)
	eventually(t, func() error { // it writes what it did after it has done it
		log := server.Log()
		if strings.Count(log, `GET /user-7.json HTTP/1.1" 200`) != 2 || strings.Count(log, `GET /user-7.json HTTP/1.1" 304`) != 1 {
			return fmt.Errorf("the log of requests is\n%s\nwant two of user 7 answered 200, and one 304", log)
		}
		return nil
	})
	server.Kill()
	if _, err := h.Poll(t.Context(), Query{UnionID: "7"}); err == nil || !strings.Contains(err.Error(), "nobody listens") {
		t.Errorf("Poll of a killed server = %v; want to be told that nobody listens", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(8, 2)
	for _, id := range hostileIDs[1:] {
		if res, err := h.Poll(t.Context(), Query{UnionID: id}); err == nil {
			t.Errorf("user %q: %v; want an error", id, res.Records)
		}
	}
	want(7, 30)
	eventually(t, func() error {
		if log := server.Log(); strings.Count(log, "GET /user-7.json") != 4 {
			return fmt.Errorf("the log of requests is\n%s\nwant the last one in it", log)
		}
		return nil
	})
	if log := server.Log(); strings.Contains(log, "/admin HTTP") || strings.Contains(log, "X-Evil") && !strings.Contains(log, "%0D%0AX-Evil") {
		t.Errorf("the log of requests is\n%s\nwant no path but those of users", log)
	}
}
