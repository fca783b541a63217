package dashboard_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

const pushKey = "correct-horse-battery"

var withKey = []string{"Authorization: Bearer " + pushKey}

// pushFeed is one that is pushed to.
func pushFeed(t testing.TB, name string, o feeds.PushOptions) feeds.Feed {
	t.Helper()
	o.Key = pushKey
	p, err := feeds.NewPush(o)
	if err != nil {
		t.Fatal(err)
	}
	f := feeds.Feed{Name: name, Source: p, MinGap: feeds.ShortestMinGap}
	if name != "bare" {
		f.Source = columns{p}
	}
	return f
}

// columns says what is pushed, as a mapping does.
type columns struct{ *feeds.Push }

func (c columns) Describe() feeds.Description {
	d := c.Push.Describe()
	d.Title, d.ID, d.Fields = "Pushed", "id", []feeds.Field{{Name: "id", Label: "Id", Type: "string"}}
	return d
}

func (c columns) Unwrap() feeds.Source { return c.Push }

func pushWall(t testing.TB) *wall {
	t.Helper()
	return newWall(t, dashboard.Options{
		Node:   "here",
		Feeds:  []feeds.Feed{pushFeed(t, "bare", feeds.PushOptions{}), pushFeed(t, "jobs", feeds.PushOptions{}), pushFeed(t, "mine", feeds.PushOptions{PerUser: true, MaxBytes: 2048, PerSecond: 2})},
		Boards: []dashboard.Board{{Name: "main", Title: "Main", Panels: []dashboard.Panel{{Name: "bare", Feed: "bare"}, {Name: "jobs", Feed: "jobs"}, {Name: "mine", Feed: "mine"}}}},
	}, false)
}

func (w *wall) push(path, body string, header ...string) answer {
	w.t.Helper()
	return w.do(http.MethodPost, path, body, header...)
}

func TestPushedIsOnThePage(t *testing.T) {
	w := pushWall(t)
	if page := w.get("/d/main?unionId=7"); !strings.Contains(page.body, "Nothing was pushed yet.") {
		t.Error("the page does not say that nothing was pushed yet")
	}
	if a := w.push("/api/feeds/jobs", `[{"id":"build 1","state":"done"}]`, withKey...); a.StatusCode != 202 || !strings.Contains(a.body, `"records":1`) || !strings.Contains(a.body, `"degraded":false`) {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := w.push("/api/feeds/mine?unionId=7", `{"records":[{"id":"of 7"}]}`, withKey...); a.StatusCode != 202 || !strings.Contains(a.body, `"unionId":"7"`) {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := w.push("/api/feeds/bare", `[{"id":"as it came","celsius":21.5}]`, withKey...); a.StatusCode != 202 {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	eventually(t, func() error {
		page := w.get("/d/main?unionId=7").body
		if !strings.Contains(page, "build 1") || !strings.Contains(page, "of 7") || !strings.Contains(page, "as it came") || !strings.Contains(page, "celsius") {
			return errors.New("what was pushed is not on the page")
		}
		return nil
	})
	if a := w.get("/d/main?unionId=8"); strings.Contains(a.body, "of 7") {
		t.Error("user 8 is shown what was pushed for user 7")
	}
	if a := w.get("/api/readings?feed=jobs"); strings.Contains(a.body, `"due"`) || !strings.Contains(a.body, `"build 1"`) {
		t.Errorf("%s; want the records, and no due", a.body)
	}
}

func TestPushIsRefused(t *testing.T) {
	w := pushWall(t)
	for _, tt := range []struct {
		status     int
		path, body string
		header     []string
		want       string
	}{
		{401, "/api/feeds/jobs", "[]", nil, "Bearer KEY"},
		{401, "/api/feeds/jobs", "[]", []string{"Authorization: Bearer " + pushKey + "x"}, "Bearer KEY"},
		{401, "/api/feeds/jobs", "[]", []string{"Authorization: Basic " + pushKey}, "Bearer KEY"},
		{403, "/api/feeds/jobs", "[]", append([]string{"Origin: http://evil.example"}, withKey...), "evil.example"},
		{404, "/api/feeds/none", "[]", withKey, "none"},
		{400, "/api/feeds/jobs", "{}", withKey, "records are missing"},
		{400, "/api/feeds/jobs?unionId=7", "[]", withKey, "all users share"},
		{400, "/api/feeds/jobs?unionId=x", "[]", withKey, "unionId"},
		{415, "/api/feeds/jobs", "[]", append([]string{"Content-Encoding: gzip"}, withKey...), "gzip"},
		{413, "/api/feeds/mine?unionId=7", "[" + strings.Repeat(" ", 3000) + "]", withKey, "2048"},
		{400, "/api/feeds/mine", "[]", withKey, "unionId is missing"},
	} {
		a := w.push(tt.path, tt.body, tt.header...)
		if a.StatusCode != tt.status || !strings.Contains(a.body, tt.want) || strings.Contains(a.body, pushKey) ||
			!strings.HasPrefix(a.Header.Get("Content-Type"), "application/problem+json") {
			t.Errorf("%s %.40s: %d %s; want %d with %s", tt.path, tt.body, a.StatusCode, a.body, tt.status, tt.want)
		}
		if challenge := a.Header.Get("WWW-Authenticate"); (challenge == "Bearer") != (tt.status == 401) {
			t.Errorf("%s: %d with WWW-Authenticate %q", tt.path, a.StatusCode, challenge)
		}
	}
	for n := 0; ; n++ {
		a := w.push("/api/feeds/mine?unionId=7", "[]", withKey...)
		if a.StatusCode == 429 && a.Header.Get("Retry-After") != "" {
			break
		}
		if a.StatusCode != 202 || n > 1000 {
			t.Fatalf("%d %s after %d pushes; want 429 at some time", a.StatusCode, a.body, n)
		}
	}
}
