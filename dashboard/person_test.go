package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/dashboard"
)

// tokens are "seven" and "eight", who are 7 and 8, and "unsure".
func tokens(_ context.Context, token string) (auth.Person, error) {
	until := time.Now().Add(time.Hour)
	switch token {
	case "seven":
		return auth.Person{UnionID: "7", Name: "Seven", Until: until}, nil
	case "eight":
		return auth.Person{UnionID: "8", Name: "Eight", Until: until}, nil
	case "nobody":
		return auth.Person{UnionID: "ann@wall.example", Until: until}, nil
	case "unsure":
		return auth.Person{}, auth.ErrUnsure
	}
	return auth.Person{}, auth.ErrBadToken
}

func guarded(o dashboard.Options) dashboard.Options {
	o.Auth = &dashboard.Auth{Verify: tokens, Cookie: "wall"}
	return two(o)
}

const (
	asSeven = "Authorization: Bearer seven"
	asEight = "Authorization: Bearer eight"
)

// open are the addresses that ask for no token.
var open = []string{
	"/healthz", "/readyz", "/metrics", "/assets/*", "/pulsewall.js", "/openapi.yaml", "/asyncapi.yaml",
	"/api/feeds/{name}", // has the feed's own key
	cluster.LinkPath,    // has the nodes' own secret
}

// No address is open that is not meant to be: all routes there are, with no token, with a bad one, and with one in the address.
func TestEveryRouteAsksForToken(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	routes := w.Config.Handler.(*dashboard.Dashboard).Routes()
	closed := 0
	err := chi.Walk(routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		path := strings.NewReplacer("{dashboard}", "main", "{server}", "000", "{session}", "abc", "{unionId}", "7", "{name}", "jobs", "*", "x").Replace(route)
		isOpen := slices.Contains(open, route)
		for _, headers := range [][]string{nil, {"Authorization: Bearer bad"}, {"Cookie: wall=bad"}, handshake, {"Authorization: Basic eDp5"}} {
			a := w.do(method, path, "", headers...)
			challenged := strings.HasPrefix(a.Header.Get("WWW-Authenticate"), `Bearer realm="pulsewall"`)
			switch {
			case isOpen && challenged:
				t.Errorf("%s %s %q: %d; want it open", method, route, headers, a.StatusCode)
			case !isOpen && (a.StatusCode != http.StatusUnauthorized || !challenged):
				t.Errorf("%s %s %q: %d %q; want 401 with a challenge", method, route, headers, a.StatusCode, a.Header.Get("WWW-Authenticate"))
			}
		}
		if isOpen {
			return nil
		}
		closed++
		for _, query := range []string{"unionId=8", "unionId=7&unionId=8", "sub=rows/8/1/10", "sub=rows&sub=mine/8"} {
			if a := w.do(method, path+"?"+query, "", asSeven); a.StatusCode != http.StatusForbidden {
				t.Errorf("%s %s?%s as 7: %d; want 403", method, route, query, a.StatusCode)
			}
		}
		if a := w.do(method, path+"?access_token=seven", "", asSeven); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s with a token in the address: %d; want 400", method, route, a.StatusCode)
		}
		return nil
	})
	if err != nil || closed < 20 {
		t.Errorf("%d addresses ask for a token, %v; want them all", closed, err)
	}
}

func TestTokenRefused(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	w.get("/api/presence").wantProblem(t, "no token", 401, "the cookie wall")
	w.get("/api/presence", "Authorization: Bearer bad").wantProblem(t, "bad", 401, "not accepted")
	w.get("/api/presence", "Authorization: Bearer bad", "Cookie: wall=seven").wantProblem(t, "bad beside a good cookie", 401, "not accepted")
	w.get("/api/presence", "Authorization: Bearer nobody").wantProblem(t, "no number", 401, "64-bit integer")
	if a := w.get("/api/presence", "Authorization: Bearer unsure"); a.StatusCode != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("keys that cannot be read: %d", a.StatusCode)
	}
	if a := w.get("/", "Accept: text/html"); a.StatusCode != 401 || strings.Contains(a.body, "Main") || !strings.Contains(a.body, "<html") {
		t.Errorf("a page for a stranger: %d\n%s", a.StatusCode, a.body)
	}
	if body := w.get("/chat", asSeven).body; !regexp.MustCompile(`<input id="name"[^>]* value="Seven"[^>]* readonly`).MatchString(body) {
		t.Errorf("the name on the page to talk is not that of the token alone:\n%s", body)
	}
	for _, header := range []string{asSeven, "Cookie: wall=seven"} {
		a := w.get("/d/main", header)
		if a.StatusCode != 200 || !strings.Contains(a.body, "unionId=7") || a.Header.Get("Cache-Control") != "private, no-cache" || !strings.Contains(a.Header.Get("Vary"), "Cookie") {
			t.Errorf("a page with %s: %d, %q, %q", header, a.StatusCode, a.Header.Get("Cache-Control"), a.Header.Get("Vary"))
		}
	}
}

// What is posted is of whose token it is, whoever it says.
func TestSenderIsTokens(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	for _, body := range []string{`{"to":{"room":"r"},"data":1}`, `{"to":{"room":"r"},"data":1,"unionId":"7","name":"Eight"}`} {
		if a := w.post("/api/messages", body, asSeven); a.StatusCode != 202 {
			t.Fatalf("%s: %d %s", body, a.StatusCode, a.body)
		}
	}
	form := "Content-Type: application/x-www-form-urlencoded"
	for _, a := range []answer{
		w.post("/api/messages", `{"to":{"room":"r"},"data":1,"unionId":8}`, asSeven),
		w.do("POST", "/api/messages", "to=room:r&data=x&unionId=8", asSeven, form),
		w.do("POST", "/chat", "to=room:r&data=x&unionId=8", asSeven, form),
		w.do("POST", "/index/hello1", "id=8&idList=2", asSeven, form),
		w.get("/index/hello1?id=8&idList=2", asSeven),
	} {
		if a.StatusCode != 403 {
			t.Errorf("as another: %d %s; want 403", a.StatusCode, a.body)
		}
	}
	if a := w.get("/index/hello1?idList=8&data=x", asSeven); a.StatusCode != 202 {
		t.Errorf("hello1: %d %s", a.StatusCode, a.body)
	}
	list := w.get("/api/messages?room=r", asEight).body
	if strings.Count(list, `"from":{"unionId":"7","name":"Seven"}`) != 2 || strings.Contains(list, `"name":"Eight"`) {
		t.Errorf("messages: %s", list)
	}
	if !strings.Contains(list, `"users":["8"]`) {
		t.Errorf("the message to 8 is missing: %s", list)
	}
	if other := w.get("/api/messages?room=r", asSeven).body; strings.Contains(other, `"data":"x"`) {
		t.Errorf("7 reads the message to 8: %s", other)
	}
}

// A cookie comes with whatever a browser asks, so what does something has to come from a page of this site. An old browser says nothing of where
// from if that page wants it so.
func TestCookieOfAnotherSite(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	const cookie, link = "Cookie: wall=seven", "/index/hello1?idList=8&data=x"
	session := 0
	for header, status := range map[string]int{
		"": 403, "Sec-Fetch-Site: cross-site": 403, "Origin: https://evil.example": 403, "Referer: https://evil.example/": 403,
		"Sec-Fetch-Site: same-origin": 202, "Referer: " + w.URL + "/chat": 202, "Origin: " + w.URL: 202, asSeven: 202,
	} {
		session++
		jsonp := fmt.Sprintf("/sockjs/000/%d/jsonp?c=steal", session)
		for _, way := range [][2]string{{"GET", link}, {"POST", link}, {"GET", jsonp}, {"GET", "/live/poll?wait=0"}} {
			headers := []string{cookie}
			if header != "" {
				headers = append(headers, header)
			}
			want := status
			if status == 202 && way[1] != link {
				want = 200
			}
			if a := w.do(way[0], way[1], "", headers...); a.StatusCode != want {
				t.Errorf("%s %s with %q: %d %s; want %d", way[0], way[1], headers, a.StatusCode, a.body, want)
			}
		}
	}
}

// A ticket opens one stream, and nothing else.
func TestTicket(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	ticket := func() string {
		t.Helper()
		a := w.post("/api/tickets", "", asSeven)
		if a.StatusCode != 201 {
			t.Fatalf("a ticket: %d %s", a.StatusCode, a.body)
		}
		return a.object(t)["ticket"].(string)
	}
	one := ticket()
	if got := w.socketAt("/live/ws?sub=mine&ticket=" + one).until("hello"); !strings.Contains(fmt.Sprint(got), "mine/7/1/10") {
		t.Errorf("with a ticket: %v", got)
	}
	w.get("/live/ws?ticket="+one, handshake...).wantProblem(t, "used before", 401, "used before")
	w.get("/api/readings?sub=mine&ticket="+ticket()).wantProblem(t, "no stream", 401, "show the token")
	for _, way := range [][2]string{{"POST", "/api/messages"}, {"POST", "/api/tickets"}, {"GET", "/api/readings?sub=mine"}, {"GET", "/d/main"}, {"GET", "/index/hello1?idList=8"}, {"GET", "/live/poll?wait=0"}} {
		path := way[1] + map[bool]string{true: "&", false: "?"}[strings.Contains(way[1], "?")]
		for _, header := range [][]string{streamed, handshake} {
			if a := w.do(way[0], path+"ticket="+ticket(), `{"to":{"all":true},"data":1}`, header...); a.StatusCode != 401 {
				t.Errorf("%s %s with a ticket and %q: %d; want 401", way[0], path, header[0], a.StatusCode)
			}
		}
	}
	for _, address := range []string{"/live", "/msg", "/message", "/sockjs", "/sockjs/websocket", "/sockjs/000/t/websocket"} {
		_ = w.socketAt(address + "?ticket=" + ticket()).conn.Close()
	}
	w.eventStream("/live?ticket=" + ticket())
	w.get("/live/sse?unionId=8&ticket="+ticket(), "Accept: text/event-stream").wantProblem(t, "another's", 403, "token is that of 7")
	w.get("/live/sse?ticket=AAAA"+ticket(), "Accept: text/event-stream").wantProblem(t, "tampered", 401, "not of this server")
	if a := w.post("/api/tickets", "", asSeven, "Origin: https://evil.example"); a.StatusCode != 403 {
		t.Errorf("a ticket for another site: %d", a.StatusCode)
	}
}

// The name of a SockJS session is no secret: who knows it still hears nothing of it.
func TestSockJSOfAnother(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	if a := w.do("POST", "/sockjs/000/abc/xhr", "", asSeven); a.StatusCode != 200 || !strings.HasPrefix(a.body, "o") {
		t.Fatalf("7 opens: %d %q", a.StatusCode, a.body)
	}
	for _, way := range []string{"xhr", "xhr_send", "xhr_streaming"} {
		if a := w.do("POST", "/sockjs/000/abc/"+way, `["x"]`, asEight); a.StatusCode != 403 {
			t.Errorf("8 comes by %s: %d %q; want 403", way, a.StatusCode, a.body)
		}
	}
}
