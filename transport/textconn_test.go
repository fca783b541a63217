package transport

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// textSite serves texts on a hub, and tells how each connection ended.
func textSite(t *testing.T, opts Options, serve func(context.Context, *TextConn) error) (h *Hub, url string, ended chan error) {
	t.Helper()
	h, ended = NewHub(opts), make(chan error, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ended <- h.ServeText(w, r, Opening{UnionID: r.URL.Query().Get("unionId")}, Pushes, serve)
	}))
	t.Cleanup(func() {
		h.Close()
		server.Close()
	})
	return h, server.URL, ended
}

func dialText(t *testing.T, url string) *wsconn.Conn {
	t.Helper()
	c, _, err := wsconn.Dial(t.Context(), url, wsconn.DialOptions{Options: wsconn.Options{ReadLimit: 1 << 20, WriteTimeout: 10 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseNow)
	return c
}

// readText is the next text, or the code that the connection was closed with.
func readText(c *wsconn.Conn) string {
	p, err := c.Read()
	if err != nil {
		return strconv.Itoa(wsconn.CloseCode(err))
	}
	return string(p)
}

// sayBack says what comes, and becomes whom it names.
func sayBack(ctx context.Context, c *TextConn) error {
	for {
		text, err := c.Read()
		if err != nil {
			return err
		}
		if user, ok := strings.CutPrefix(string(text), "I am "); ok {
			if err := c.Become(ctx, user); err != nil {
				return err
			}
		}
		if err := c.Say(text); err != nil {
			return err
		}
	}
}

func TestServeText(t *testing.T) {
	h, url, ended := textSite(t, Options{}, sayBack)
	c := dialText(t, url+"?unionId=7")
	if err := c.Send([]byte("hi")); err != nil {
		t.Fatal(err)
	}
	wants(t, "answer", readText(c), "hi")
	data := json.RawMessage(`"a \"b\" \u2028<é>"`)
	h.Append(Item{Position: Position{Epoch: epochOf(h), Seq: 1}, Message: Message{To: Address{Users: []string{"7"}}, Data: data}})
	wants(t, "a string", readText(c), "a \"b\" \u2028<é>")
	for seq, data := range []string{`{"a":[1,null]}`, `null`, `12.50`, `true`, `""`} {
		h.Append(Item{Position: Position{Epoch: epochOf(h), Seq: int64(seq) + 2}, Message: Message{To: everybody, Data: json.RawMessage(data)}})
		wants(t, data, readText(c), strings.Trim(data, `"`))
	}
	if err := c.Send([]byte("I am 8")); err != nil {
		t.Fatal(err)
	}
	wants(t, "answer", readText(c), "I am 8")
	if got := h.Users(); len(got) != 1 || got[0].UnionID != "8" || got[0].Transports[Pushes] != 1 {
		t.Errorf("Users = %+v; want 8 alone", got)
	}
	drained := make(chan error)
	go func() { drained <- h.Drain(t.Context()) }()
	wants(t, "the end", readText(c), "1012")
	if err := <-drained; err != nil {
		t.Errorf("Drain = %v; want it to have gone", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("ServeText = %v; want nil after a restart", err)
	}
}

func TestServeTextEnds(t *testing.T) {
	h, url, ended := textSite(t, Options{}, sayBack)
	gone, stays := dialText(t, url), dialText(t, url)
	gone.Close(1000, "")
	if err := <-ended; wsconn.CloseCode(err) != 1000 {
		t.Errorf("ServeText = %v; want the client's 1000", err)
	}
	go h.Close()
	wants(t, "the end", readText(stays), "1001")
}

// TestServeTextSlow: a client that takes nothing is closed for it, whoever writes to it.
func TestServeTextSlow(t *testing.T) {
	h, url, ended := textSite(t, Options{WriteTimeout: 200 * time.Millisecond}, func(_ context.Context, c *TextConn) error {
		for {
			if _, err := c.Read(); err != nil {
				return err
			}
			for c.Say(make([]byte, 64<<10)) == nil {
			}
		}
	})
	c := dialText(t, url)
	if err := c.Send([]byte("go")); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil || !strings.Contains(err.Error(), wsconn.ErrSlow.Error()) {
		t.Errorf("ServeText = %v; want ErrSlow", err)
	}
	if n := h.Stats().SlowCloses; n != 1 {
		t.Errorf("%d slow closes; want 1", n)
	}
}
