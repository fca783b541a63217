package views

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

func cannedMessages() []MessageView {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	return []MessageView{
		{ID: "c-1", UnionID: "7", Name: "Ada", At: at(-300), Text: "Deploying in ten minutes.", Own: true},
		{ID: "c-2", Name: hostile, At: at(-200), Text: hostile},
		{ID: "c-3", UnionID: "8", At: at(-100), Text: "first line\n  second\u202e", Chosen: true},
		{ID: "c-4", At: at(-1), Text: strings.Repeat("long 🎉 ", 200)},
	}
}

func cannedChat() ChatView {
	page := overview()
	page.Frame, page.Query, page.Panels = cannedFrame("Chat"), "presence=1&unionId=7&room=ops", nil
	page.Nav = append(page.Nav, Link{Title: "Chat", Href: "/chat", Current: true})
	return ChatView{
		PageView: page, Room: "ops", Name: "Ada", Messages: cannedMessages(), Earlier: 12, InRoom: 3, More: 1, Most: 8192, Key: "key",
		People:   []PersonView{{UnionID: "7", Name: "Ada", You: true}, {UnionID: "8"}},
		ReadHref: "/chat?room=ops", WriteHref: "/chat?room=ops&write=1",
	}
}

// TestChatHoldsTheContract checks what the script relies on.
func TestChatHoldsTheContract(t *testing.T) {
	doc := parse(t, render(t, Chat(cannedChat())))
	for _, slot := range []string{"log", "lines", "newer", "say", "problem", "size", "here", "here-count", "unnamed", "notices"} {
		if n := len(find(doc, "data-slot", slot)); n != 1 {
			t.Errorf("%d elements have data-slot=%s; want one", n, slot)
		}
	}
	main := find(doc, "data-live", "")
	if len(main) != 1 || len(find(main[0], "data-chat", "ops")) != 1 {
		t.Error("the room is not within what is live")
	}
	form := find(doc, "data-slot", "say")[0]
	names := ""
	for _, n := range find(form, "name", "") {
		name, _ := attr(n, "name")
		names += name + " "
	}
	if names != "to key unionId data name " {
		t.Errorf("the form sends %s", names)
	}
	if log, _ := attr(find(doc, "data-slot", "log")[0], "role"); log != "log" {
		t.Errorf("the log has the role %q", log)
	}
	for _, id := range []string{"say", "name", "room"} {
		if len(find(doc, "for", id)) != 1 || len(find(doc, "id", id)) != 1 {
			t.Errorf("%s has no label of its own", id)
		}
	}
}

func TestChatIsText(t *testing.T) {
	v := cannedChat()
	v.Name, v.Text, v.Refusal, v.People[0].Name, v.UnionID, v.Room = hostile, hostile, hostile, hostile, hostile, hostile
	for name, b := range map[string][]byte{"reading": render(t, Chat(v)), "writing": render(t, Chat(func() ChatView { v.Writing = true; return v }()))} {
		doc := parse(t, b)
		each(doc, func(n *html.Node) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s %s=%q>", name, n.Data, a.Key, a.Val)
				}
			}
			if n.Data == "img" || n.Data == "script" && n.FirstChild != nil {
				t.Errorf("%s: <%s> out of text", name, n.Data)
			}
		})
		if !strings.Contains(textOf(doc), hostile) {
			t.Errorf("%s: the hostile text is not shown as it is", name)
		}
	}
}

func TestFolded(t *testing.T) {
	tests := []struct {
		in, want string
		length   int
		ok       bool
	}{
		{"", "", 0, false},
		{strings.Repeat("x", 1000), "", 1000, false},
		{strings.Repeat("x", 1001), strings.Repeat("x", 300) + "…", 1001, true},
		{strings.Repeat("🎉", 500), "", 1000, false},
		{"x" + strings.Repeat("🎉", 500), "x" + strings.Repeat("🎉", 149) + "…", 1001, true},
		{strings.Repeat("a\n", 14), "", 28, false},
		{strings.Repeat("a\n", 15), "a\na\na\na…", 30, true},
	}
	for _, tt := range tests {
		if got, length, ok := folded(tt.in); got != tt.want || length != tt.length || ok != tt.ok {
			t.Errorf("folded(%.20q, %d bytes) = %q, %d, %v; want %q, %d, %v", tt.in, len(tt.in), got, length, ok, tt.want, tt.length, tt.ok)
		}
	}
}
