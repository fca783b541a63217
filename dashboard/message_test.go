package dashboard_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

// TestForm sends as a page without scripts does and is brought back to where it came from.
func TestForm(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	tests := []struct{ referer, want string }{
		{"", "/"},
		{w.URL + "/d/main?unionId=7", "/d/main?unionId=7"},
		{w.URL + "//evil.example/x", "/"},
	}
	for _, tt := range tests {
		a := w.do("POST", "/api/messages", "to=user:7,8&data=hello+%3Cb%3E&unionId=3&key=k", "Content-Type: application/x-www-form-urlencoded", "Referer: "+tt.referer)
		if a.StatusCode != 303 || a.Header.Get("Location") != tt.want {
			t.Errorf("form from %q = %d %q; want 303 %q", tt.referer, a.StatusCode, a.Header.Get("Location"), tt.want)
		}
	}
	list := w.do("GET", "/api/messages?unionId=7", "").object(t)["messages"].([]any)
	if len(list) != 1 || list[0].(map[string]any)["data"] != "hello <b>" {
		t.Errorf("kept %v; want the one text, sent thrice with one key", list)
	}
}

// TestKeys recognises a repeat by sender.
func TestKeys(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	send := func(sender string) any {
		a := w.do("POST", "/api/messages", `{"to":{"users":["9"]},"data":{"a":1},"key":"k"`+sender+`}`, "Content-Type: application/json")
		if a.StatusCode != 202 {
			t.Fatal(a.StatusCode, a.body)
		}
		return a.object(t)["id"]
	}
	seven, again, number, eight, session, nobody := send(`,"unionId":"7"`), send(`,"unionId":"7"`), send(`,"unionId":7`), send(`,"unionId":"8"`), send(`,"session":"s1"`), send("")
	if seven != again || seven != number || seven == eight || seven == session || session == nobody || nobody != send("") {
		t.Errorf("ids %v %v %v %v %v %v", seven, again, number, eight, session, nobody)
	}
}

// TestRate refuses who sends too much, and says when to come again.
func TestRate(t *testing.T) {
	opts := options(&counting{})
	opts.Limits.MessagesPerSecond = 1
	w := newWall(t, opts, false)
	status := 0
	for range 30 { // two at once, and one a second, on a machine however slow
		a := w.do("POST", "/api/messages", `{"to":{"all":true},"data":1,"unionId":5}`, "Content-Type: application/json")
		if status = a.StatusCode; status == 429 {
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			break
		}
	}
	if status != 429 {
		t.Errorf("the thirtieth message = %d; want 429 before", status)
	}
}

// TestPost refuses what is no message, and says what one is.
func TestPost(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	data := func(n int) string { return `{"to":{"all":true},"data":"` + strings.Repeat("x", n-2) + `"}` }
	users := strings.TrimSuffix(strings.Repeat(`"7",`, 101), ",")
	tests := []struct {
		body   string
		status int
		detail string
	}{
		{data(8 << 10), 202, ""},
		{data(8<<10 + 1), 413, "8193 bytes: at most 8192"},
		{data(70_000), 413, "65536"},
		{strings.Repeat("x", 70_000), 413, "65536"},
		{`{"to":{"all":true},"data":null}`, 202, ""},
		{`{"to":{"room":"r","users":[7,"-8"]},"data":{"a":[1]},"unionId":-7,"name":"Ann","session":"s"}`, 202, ""},
		{``, 400, "the body is empty"},
		{`{"to":`, 400, "no JSON object (unexpected EOF)"},
		{`[]`, 400, "no JSON object but of type array"},
		{`"to"`, 400, "no JSON object but of type string"},
		{`{"to":{"all":true},"data":1,"key":7}`, 400, "key is of type number: want a string"},
		{`{"to":{"all":true}}`, 400, "data is missing"},
		{`{"data":1}`, 400, "to is missing"},
		{`{"to":{},"data":1}`, 400, "{}: want exactly one"},
		{`{"to":{"all":false},"data":1}`, 400, `{"all":false}: want exactly one`},
		{`{"to":{"users":[]},"data":1}`, 400, `{"users":[]}: want exactly one`},
		{`{"to":{"all":true,"room":"r"},"data":1}`, 400, "exactly one"},
		{`{"to":{"users":[` + users + `]},"data":1}`, 400, "101 users: at most 100"},
		{`{"to":{"users":["x"]},"data":1}`, 400, `"x"`},
		{`{"to":{"room":"a b"},"data":1}`, 400, `"a b"`},
		{`{"to":{"all":true},"data":1,"key":"` + strings.Repeat("k", 64) + `"}`, 202, ""},
		{`{"to":{"all":true},"data":1,"key":"` + strings.Repeat("k", 65) + `"}`, 400, "65 characters"},
		{`{"to":{"all":true},"data":1,"name":"` + strings.Repeat("n", 65) + `"}`, 400, "65 characters"},
		{`{"to":{"all":true},"data":1,"unionId":"seven"}`, 400, `"seven"`},
		{`{"to":{"all":true},"data":1,"unionId":{}}`, 400, "64-bit"},
		{`{"to":{"all":true},"data":1,"session":"a b"}`, 400, "hello"},
		{`{"to":{"all":true},"data":1}{"to":{"all":true},"data":2}`, 400, "want one object"},
		{"{\"to\":{\"all\":true},\"data\":\"\xff\"}", 400, "UTF-8"},
	}
	for _, tt := range tests {
		a := w.post("/api/messages", tt.body)
		if tt.status != 202 {
			a.wantProblem(t, fmt.Sprintf("%.80s", tt.body), tt.status, tt.detail)
			if strings.Contains(a.body, "Go ") {
				t.Errorf("%.80s: %s; want no words of Go", tt.body, a.body)
			}
		} else if a.StatusCode != 202 || a.object(t)["id"] == "" {
			t.Errorf("%.80s: %d %s", tt.body, a.StatusCode, a.body)
		}
	}
	form := "Content-Type: application/x-www-form-urlencoded"
	for _, header := range []string{form, form + "x", "Content-Type: multipart/form-data", "Content-Type: image/png"} {
		w.do("POST", "/api/messages", strings.Repeat("%", 70_000), header).wantProblem(t, header, 413, "65536")
	}
	wrong := w.do("POST", "/api/messages", "to=nobody&data=x", form, "Accept: text/html")
	if wrong.StatusCode != 400 || !strings.HasPrefix(wrong.Header.Get("Content-Type"), "text/html") {
		t.Errorf("a person's wrong form: %d %s", wrong.StatusCode, wrong.body)
	}
}

// A known address is bounded whatever unionIds and sessions it makes up; who is anonymous there is not slowed by the rest of the world.
func TestRateOfAddress(t *testing.T) {
	opts := two(dashboard.Options{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Limits: dashboard.Limits{MessagesPerSecond: 1},
	})
	w := newWall(t, opts, false)
	send := func(addr, sender string) answer {
		return w.post("/api/messages", `{"to":{"users":["9"]},"data":1`+sender+`}`, "X-Forwarded-For: "+addr)
	}
	var last answer
	for i := 0; i < 300 && last.Response == nil; i++ { // 20 at once, and 10 a second, on a machine however slow
		if a := send("203.0.113.7", fmt.Sprintf(`,"unionId":%d`, i)); a.StatusCode == 429 {
			last = a
		}
	}
	if last.Response == nil {
		t.Fatal("300 senders of one address, and none was refused")
	}
	last.wantProblem(t, "made up", 429, "203.0.113.7: 10 a second")
	for i := 0; i < 30 && (i == 0 || last.StatusCode != 429); i++ {
		last = send("203.0.113.8", "")
	}
	last.wantProblem(t, "anonymous", 429, "one sender: 1 a second")
	if a := send("203.0.113.9", ""); a.StatusCode != 202 {
		t.Errorf("anonymous elsewhere: %d %s", a.StatusCode, a.body)
	}
	s := w.socket("?unionId=777", "X-Forwarded-For: 203.0.113.7")
	problem, _ := s.ask(`{"op":"send","to":{"all":true},"data":1}`).Data["problem"].(map[string]any)
	for i := 0; problem == nil && i < 30; i++ {
		problem, _ = s.ask(`{"op":"send","to":{"all":true},"data":1}`).Data["problem"].(map[string]any)
	}
	if problem["status"] != 429.0 {
		t.Errorf("in band: %v", problem)
	}
}

// TestMessages lists what is kept for a reader, page by page, a megabyte at most.
func TestMessages(t *testing.T) {
	w := newWall(t, two(dashboard.Options{Limits: dashboard.Limits{MessagesPerSecond: 1000}}), false)
	for _, to := range []string{`{"all":true}`, `{"room":"r"}`, `{"users":["7"]}`, `{"room":"r","users":["7"]}`} {
		w.post("/api/messages", `{"to":`+to+`,"data":"<b>"}`)
	}
	for query, want := range map[string]int{"": 1, "room=r": 2, "unionId=7": 2, "unionId=7&room=r": 4, "unionId=8&room=r&room=s": 2, "unionId=7&room=r&limit=3": 3} {
		list, _ := w.get("/api/messages?" + query).object(t)["messages"].([]any)
		if len(list) != want {
			t.Errorf("%s: %d messages; want %d", query, len(list), want)
		}
	}
	big := `{"to":{"room":"big"},"data":"` + strings.Repeat("x", 8000) + `"}`
	for range 150 {
		w.post("/api/messages", big)
	}
	after, seen := "", 0
	for range 4 {
		a := w.get("/api/messages?room=big&limit=1000&after=" + after)
		list, _ := a.object(t)["messages"].([]any)
		if len(a.body) > 1<<20+100_000 {
			t.Errorf("an answer of %d bytes", len(a.body))
		}
		after, _ = a.object(t)["nextCursor"].(string)
		seen += len(list)
	}
	if seen != 151 { // and the one to all
		t.Errorf("%d messages, page by page; want 151", seen)
	}
}

// TestMessagesReset tells who goes on from a cursor that messages may be missing.
func TestMessagesReset(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	w.post("/api/messages", `{"to":{"all":true},"data":1}`)
	next := w.do("GET", "/api/messages", "").object(t)["nextCursor"].(string)
	tests := []struct {
		after, reset string
		messages     int
	}{
		{"", "", 1}, {"earliest", "", 1}, {next, "", 0},
		{"garbage", "the cursor cannot be read", 1}, {"other-1", "the log of messages began anew", 1}, {next + "9", "the position is ahead of the log", 1},
	}
	for _, tt := range tests {
		a := w.do("GET", "/api/messages?after="+tt.after, "").object(t)
		reset, told := a["reset"]
		if list := a["messages"].([]any); len(list) != tt.messages || told != (tt.reset != "") || told && reset != tt.reset {
			t.Errorf("after %q: %d messages, reset %v; want %d, %q", tt.after, len(list), reset, tt.messages, tt.reset)
		}
	}
}
