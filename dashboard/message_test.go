package dashboard_test

import "testing"

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
	for range 4 {
		a := w.do("POST", "/api/messages", `{"to":{"all":true},"data":1,"unionId":5}`, "Content-Type: application/json")
		if status = a.StatusCode; status == 429 {
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
			break
		}
	}
	if status != 429 {
		t.Errorf("the fourth message of a second = %d; want 429", status)
	}
}
