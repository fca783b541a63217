package dashboard_test

import (
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// TestMessage: what one says all hear, and the sender too.
func TestMessage(t *testing.T) {
	t.Parallel()
	w := newWall(t, options(&counting{}), false)
	a, b := w.older("/message"), w.older("/message?unionId=7&name=Ann")
	for _, c := range []struct{ from, other *older }{{a, b}, {b, a}} {
		for _, text := range []string{"hello", "", " ping", `{"not":"parsed"}`, "<script>alert(1)</script>", "\u202eabc", "\x00", strings.Repeat("x", 8190)} {
			if err := c.from.Send([]byte("ping")); err != nil {
				t.Fatal(err)
			}
			c.from.wants("its own", c.from.says(text), text)
			c.other.wants("the other's", c.other.hears(), text)
		}
	}
	a.wantsError("too large", a.says(strings.Repeat("x", 8191)), "8193 bytes: at most 8192")
	a.wants("after that", a.says("still here"), "still here")
	b.hears()
	w.post("/api/messages", `{"to":{"room":"message"},"data":{"by":"a program"}}`)
	a.wants("a program's", a.hears(), `{"by":"a program"}`)
	kept := w.get("/api/messages?room=message").body
	if !strings.Contains(kept, `"from":{"unionId":"7","name":"Ann"}`) || !strings.Contains(kept, `"data":"still here"`) {
		t.Errorf("the log lacks who said what: %.300s", kept)
	}
	if got := w.get("/api/presence?room=message").object(t)["connections"]; got != 2.0 {
		t.Errorf("%v connections in the room; want 2", got)
	}
	if err := a.Send(make([]byte, 64<<10+1)); err != nil {
		t.Fatal(err)
	}
	for range a.texts {
	}
	if a.code != wsconn.TooBig {
		t.Errorf("closed %d after more than 64 KiB; want 1009", a.code)
	}
}

// TestMessageRate: who says too much is told, and stays.
func TestMessageRate(t *testing.T) {
	t.Parallel()
	o := options(&counting{})
	o.Limits.MessagesPerSecond = 1
	w := newWall(t, o, false)
	c := w.older("/message")
	for range 3 {
		if err := c.Send([]byte("spam")); err != nil {
			t.Fatal(err)
		}
	}
	c.wants("the first", c.hears(), "spam")
	for got := c.hears(); ; got = c.hears() {
		if got != "spam" {
			c.wantsError("too fast", got, "too many messages")
			break
		}
		if err := c.Send([]byte("spam")); err != nil {
			t.Fatal(err)
		}
	}
}
