package dashboard_test

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

const form = "Content-Type: application/x-www-form-urlencoded"

// A page of a room says what was said there, and its cursor is of that moment: a stream from it brings neither more nor less.
func TestChatPage(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	for i := range 103 {
		w.post("/api/messages", fmt.Sprintf(`{"to":{"room":"ops"},"data":"line %d.","name":"Ann"}`, i))
	}
	w.post("/api/messages", `{"to":{"room":"ops","users":["7"]},"data":"between us"}`)
	w.post("/api/messages", `{"to":{"room":"other"},"data":"elsewhere"}`)
	page := w.get("/chat?room=ops&unionId=7&name=B%C3%A9n")
	if page.StatusCode != 200 || page.Header.Get("Cache-Control") != "no-cache" || strings.Count(page.body, `data-id="`) != 100 {
		t.Fatalf("page %d %v with %d lines", page.StatusCode, page.Header, strings.Count(page.body, `data-id="`))
	}
	for _, want := range []string{"line 102.", "between us", "the last 100 of 104", "Room ops", `value="Bén"`, `name="unionId" value="7"`, "presence=1&amp;unionId=7&amp;room=ops", `href="/chat" aria-current="page"`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, odd := range []string{"line 3.", "elsewhere"} {
		if strings.Contains(page.body, odd) {
			t.Errorf("the page has %q", odd)
		}
	}
	cursor := url.QueryEscape(html.UnescapeString(cursorOf.FindStringSubmatch(page.body)[1]))
	w.post("/api/messages", `{"to":{"room":"ops"},"data":"after"}`)
	var texts []string
	for _, e := range w.poll("room=ops&unionId=7&after=" + cursor) {
		if e.Event != "hello" {
			texts = append(texts, fmt.Sprint(e.Event, " ", e.Data["data"]))
		}
	}
	if got := strings.Join(texts, ", "); got != "message after" {
		t.Errorf("after the page came %q; want the message after it", got)
	}
	if lobby := w.get("/chat"); lobby.StatusCode != 200 || !strings.Contains(lobby.body, "Room lobby") || !strings.Contains(lobby.body, "No messages yet") {
		t.Errorf("without a room: %d", lobby.StatusCode)
	}
	if other := w.get("/chat?room=ops&unionId=8"); strings.Contains(other.body, "between us") {
		t.Error("user 8 sees what was for 7")
	}
	for query, detail := range map[string]string{"room=a+b": `room "a b"`, "room=%3Cb%3E": `room "<b>"`, "unionId=x": `"x"`, "write=7": "write", "name=" + strings.Repeat("n", 65): "65 characters"} {
		w.get("/chat?"+query).wantProblem(t, query, 400, detail)
	}
	for _, name := range []string{`   `, `\u200b\u2066 \n`} {
		w.post("/api/messages", `{"to":{"room":"unseen"},"data":"by whom","name":"`+name+`"}`)
	}
	if unseen := w.get("/chat?room=unseen"); strings.Count(unseen.body, "<b>Somebody</b>") != 2 {
		t.Error("who has a name that nobody can see is not called somebody")
	}
	bad := w.get("/chat?room=%3Cb%3E", "Accept: text/html")
	if bad.StatusCode != 400 || !strings.Contains(bad.body, "&lt;b&gt;") {
		t.Errorf("a person's bad room: %d", bad.StatusCode)
	}
}

// Without scripts people read on one page, which loads itself again, and write on another, which does not.
func TestChatForm(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	read, write := w.get("/chat?room=ops&name=Ann").body, w.get("/chat?room=ops&name=Ann&write=1").body
	if !strings.Contains(read, `http-equiv="refresh" content="10"`) || !strings.Contains(read, `/chat?name=Ann&amp;room=ops&amp;write=1`) {
		t.Error("the page for reading does not load itself again, or does not lead to writing")
	}
	if strings.Contains(write, "http-equiv") || strings.Contains(write, "data-live") || !strings.Contains(write, `href="/chat?name=Ann&amp;room=ops"`) {
		t.Error("the page for writing loads itself again, or does not lead back")
	}
	send := func(text, key string, header ...string) answer {
		q := url.Values{"to": {"room:ops"}, "data": {text}, "key": {key}, "name": {"Ann"}, "unionId": {"7"}}
		return w.do("POST", "/chat", q.Encode(), append(header, form)...)
	}
	for range 2 { // a second click
		a := send("one\r\ntwo <b>", "k")
		if a.StatusCode != 303 || a.Header.Get("Location") != "/chat?name=Ann&room=ops&unionId=7" {
			t.Errorf("sent: %d %q", a.StatusCode, a.Header.Get("Location"))
		}
	}
	send("another, after a step back", "k")
	list := w.get("/api/messages?room=ops").object(t)["messages"].([]any)
	if len(list) != 2 || list[0].(map[string]any)["data"] != "one\ntwo <b>" {
		t.Errorf("kept %v; want both texts once, with plain ends of lines", list)
	}
	for range 2 {
		send("no key, no repeat", "")
	}
	if list := w.get("/api/messages?room=ops").object(t)["messages"].([]any); len(list) != 4 {
		t.Errorf("%d messages; want the one without a key twice", len(list))
	}
	long := send(strings.Repeat("é", 4096), "k", "Accept: text/html")
	if long.StatusCode != 413 || !strings.Contains(long.body, "8194 bytes: at most 8192") || !strings.Contains(long.body, strings.Repeat("é", 4096)+"</textarea>") ||
		strings.Contains(long.body, "http-equiv") {
		t.Errorf("too long: %d; want why, and the text in the box of a page that stays", long.StatusCode)
	}
	if empty := send("", "k", "Accept: text/html"); empty.StatusCode != 400 || !strings.Contains(empty.body, "</textarea>") {
		t.Errorf("nothing: %d", empty.StatusCode)
	}
	send("x", "k", "Origin: https://evil.example").wantProblem(t, "another site", 403, "evil.example")
	w.do("POST", "/chat", "to=all&data=x", form).wantProblem(t, "to all", 400, "no room")
	w.do("POST", "/chat", "to=room:a+b&data=x", form).wantProblem(t, "bad room", 400, `"a b"`)
	w.do("POST", "/chat", `{"to":{"room":"ops"},"data":1}`, "Content-Type: application/json").wantProblem(t, "JSON", 400, "to is missing")
}

// A message to all, or to who looks, is on the pages that are opened after it, and a page without it is no longer the same.
func TestNoticesOnPages(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	for _, path := range []string{"/d/main?unionId=7", "/?", "/chat?unionId=7"} {
		first := w.get(path)
		name := strings.Trim(strings.SplitN(path, "?", 2)[0], "/")
		w.post("/api/messages", `{"to":{"all":true},"data":"to all <b>`+name+`","name":"<i>Ann"}`)
		w.post("/api/messages", `{"to":{"users":["7"]},"data":"to 7 `+name+`","unionId":8}`)
		w.post("/api/messages", `{"to":{"users":["9"]},"data":"to 9"}`)
		w.post("/api/messages", `{"to":{"room":"lobby"},"data":"said in a room"}`)
		then := w.get(path, "If-None-Match: "+first.Header.Get("ETag"))
		strip, _, _ := strings.Cut(then.body, "<main")
		if then.StatusCode != 200 || !strings.Contains(strip, "from &lt;i&gt;Ann") || !strings.Contains(strip, "to all &lt;b&gt;"+name) {
			t.Errorf("%s: %d; want the notice to all", path, then.StatusCode)
		}
		if seven := strings.Contains(strip, "to 7 "+name); seven != strings.Contains(path, "unionId=7") || strings.Contains(strip, "to 9") || strings.Contains(strip, "in a room") {
			t.Errorf("%s: who gets what is wrong: %s", path, strip)
		}
	}
	for i := range 7 {
		w.post("/api/messages", fmt.Sprintf(`{"to":{"users":["5"]},"data":"number %d"}`, i))
	}
	strip, _, _ := strings.Cut(w.get("/d/main?unionId=5").body, "<main")
	if strings.Count(strip, "data-notice=\"message") != 3 || !strings.Contains(strip, "7 earlier, not shown") || !strings.Contains(strip, "number 6") {
		t.Errorf("of ten notices: %s; want the newest three, and the count of the others", strip)
	}
}

// The users of a room are those of its streams.
func TestUsersOfRoom(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	w.socket("?unionId=9&name=Zoe&room=ops")
	w.socket("?unionId=9&room=ops")
	w.socket("?unionId=7&room=other&room=ops")
	w.socket("?unionId=8&room=other")
	w.socket("?room=ops")
	eventually(t, func() error {
		o := w.get("/api/presence/users?room=ops").object(t)
		if got := fmt.Sprint(o["total"], o["records"]); !strings.HasPrefix(got, "2 [") || !strings.Contains(got, "name:Zoe") || strings.Contains(got, "unionId:8") {
			return fmt.Errorf("users of the room: %s", got)
		}
		return nil
	})
	page := w.get("/chat?room=ops&unionId=9").body
	if !strings.Contains(page, "Zoe") || !strings.Contains(page, "user 7") || !strings.Contains(page, "4 connections") || !strings.Contains(page, ">you<") {
		t.Error("the page does not say who is here")
	}
	w.get("/api/presence/users?room=a+b").wantProblem(t, "bad room", 400, `"a b"`)
	if o := w.get("/api/presence/users?room=empty").object(t); fmt.Sprint(o["records"]) != "[]" {
		t.Errorf("an empty room: %v", o)
	}
}
