package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// older is an older client: texts out, texts in.
type older struct {
	*wsconn.Conn
	t     testing.TB
	texts chan string // closed with the connection
	code  int         // that it was closed with; to be read when texts is
	paged bool        // has heard a page; those that are pushed every 10 s after it are passed over
}

// older opens an address.
func (w *wall) older(address string, header ...string) *older {
	w.t.Helper()
	o := wsconn.DialOptions{Options: wsconn.Options{ReadLimit: 1 << 20, WriteTimeout: 10 * time.Second}, Header: make(http.Header)}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		o.Header.Set(name, value)
	}
	conn, response, err := wsconn.Dial(w.t.Context(), w.URL+address, o)
	if err != nil {
		w.t.Fatalf("%s: %v %v", address, response, err)
	}
	c := &older{Conn: conn, t: w.t, texts: make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.texts)
		for {
			p, err := conn.Read()
			if err != nil {
				c.code = wsconn.CloseCode(err)
				return
			}
			c.texts <- string(p)
		}
	}()
	w.t.Cleanup(func() { conn.CloseNow(); <-done })
	return c
}

// hears returns the next text.
func (c *older) hears() string {
	c.t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	for {
		select {
		case text, ok := <-c.texts:
			if !ok {
				c.t.Fatalf("closed %d; want a text", c.code)
			}
			if page := strings.HasPrefix(text, `{"records":`); !page || !c.paged {
				c.paged = c.paged || page
				return text
			}
		case <-late.C:
			c.t.Fatal("no text in a minute")
		}
	}
}

// says sends a text and returns what comes next.
func (c *older) says(text string) string {
	c.t.Helper()
	if err := c.Send([]byte(text)); err != nil {
		c.t.Fatal(err)
	}
	return c.hears()
}

func (c *older) wants(what, got, want string) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %q; want %q", what, got, want)
	}
}

// wantsTime checks an answer with the server's time.
func (c *older) wantsTime(what, got string) {
	c.t.Helper()
	if at, err := time.Parse("2006-01-02T15:04:05.000Z", got); err != nil || time.Since(at).Abs() > time.Minute {
		c.t.Errorf("%s: %q; want the time", what, got)
	}
}

// wantsError checks {"error":…}.
func (c *older) wantsError(what, got, part string) {
	c.t.Helper()
	var v map[string]string
	if err := json.Unmarshal([]byte(got), &v); err != nil || len(v) != 1 || !strings.Contains(v["error"], part) || v["error"] == "" {
		c.t.Errorf("%s: %.200s; want an error with %q", what, got, part)
	}
}

// wantsPage checks a bare page of records.
func (c *older) wantsPage(got string, records, total, size, current, pages int) {
	c.t.Helper()
	var page map[string]any
	if err := json.Unmarshal([]byte(got), &page); err != nil || len(page) != 5 {
		c.t.Fatalf("page %.200s: want five fields", got)
	}
	list, _ := page["records"].([]any)
	have := fmt.Sprint(len(list), page["total"], page["size"], page["current"], page["pages"])
	if want := fmt.Sprint(records, total, size, current, pages); have != want {
		c.t.Errorf("page with %s; want %s", have, want)
	}
}

// TestOlderRefused: the rules of streams are those of older clients too.
func TestOlderRefused(t *testing.T) {
	t.Parallel()
	w := newWall(t, options(&counting{}), false)
	for _, address := range []string{"/msg", "/message"} {
		w.get(address).wantProblem(t, address, http.StatusUpgradeRequired, "proxy_http_version")
		a := w.get(address, append(handshake, "Origin: https://evil.example")...)
		a.wantProblem(t, "another site at "+address, http.StatusForbidden, "evil.example")
		w.get(address+"?unionId=x", handshake...).wantProblem(t, "who", http.StatusBadRequest, `"x"`)
		w.post(address, "{}").wantProblem(t, "POST", http.StatusMethodNotAllowed, "GET")
	}
	binary := w.older("/msg")
	if err := binary.Write(binaryFrame); err != nil {
		t.Fatal(err)
	}
	for range binary.texts {
	}
	if binary.code != wsconn.Unsupported {
		t.Errorf("binary closed %d; want 1003", binary.code)
	}
}

// binaryFrame is a masked frame with a binary message.
var binaryFrame = []byte{0x82, 0x81, 0, 0, 0, 0, 'x'}

func TestOlderLimits(t *testing.T) {
	t.Parallel()
	o := options(&counting{})
	o.Limits.Connections = 1
	w := newWall(t, o, false)
	w.older("/msg")
	w.get("/message", handshake...).wantProblem(t, "one too many", http.StatusServiceUnavailable, "all 1 connections")
}

// TestOlderAdmitted: what Admit and Allow say holds for older clients.
func TestOlderAdmitted(t *testing.T) {
	t.Parallel()
	o := options(&counting{})
	o.Admit = func(r *http.Request, v *dashboard.Visit) error {
		v.UnionID = r.Header.Get("User")
		if v.UnionID == "" {
			return &dashboard.Problem{Status: http.StatusUnauthorized, Detail: "who are you"}
		}
		return nil
	}
	w := newWall(t, o, false)
	w.get("/msg", handshake...).wantProblem(t, "nobody", http.StatusUnauthorized, "who are you")
	c := w.older("/msg", "User: 7")
	c.wantsError("another's name", c.says(`{"unionId":8}`), "that of 7")
	c.wantsPage(c.says(`{"unionId":7}`), 10, 100, 10, 1, 10)
	c.wantsError("another's name later", c.says(`{"unionId":8}`), "that of 7")
	c.wantsTime("no name", c.says(`{}`))
}

// TestOlderEnded: a visit that the program ends is closed for it.
func TestOlderEnded(t *testing.T) {
	t.Parallel()
	visits := make(chan *dashboard.Visit, 1)
	o := options(&counting{})
	o.Admit = func(_ *http.Request, v *dashboard.Visit) error { visits <- v; return nil }
	c := newWall(t, o, false).older("/message")
	(<-visits).End(errors.New("no more"))
	for range c.texts {
	}
	if c.code != wsconn.Withdrawn {
		t.Errorf("closed %d; want 4403", c.code)
	}
}

// TestOlderEndedMeanwhile: a client that is ended while its text is answered is told so, and not what that did to the text.
func TestOlderEndedMeanwhile(t *testing.T) {
	t.Parallel()
	visits := make(chan *dashboard.Visit, 1)
	asked := make(chan struct{}, 1)
	o := options(&counting{})
	o.Admit = func(_ *http.Request, v *dashboard.Visit) error {
		v.Allow = func(ctx context.Context, _ transport.Op) error {
			asked <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}
		visits <- v
		return nil
	}
	w := newWall(t, o, false)
	for range 20 {
		c := w.older("/message")
		visit := <-visits
		if err := c.Send([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		<-asked
		visit.End(errors.New("no more"))
		for text := range c.texts {
			t.Errorf("%q before the end; want nothing", text)
		}
		if c.code != wsconn.Withdrawn {
			t.Errorf("closed %d; want 4403", c.code)
		}
	}
}

// TestOlderSwitches: what is switched off is not there.
func TestOlderSwitches(t *testing.T) {
	t.Parallel()
	o := options(&counting{})
	o.OlderClients = []dashboard.OlderClient{dashboard.OlderMessage}
	w := newWall(t, o, false)
	w.older("/message")
	for _, address := range []string{"/msg", "/index/hello1?idList=2"} {
		w.get(address, handshake...).wantProblem(t, address, http.StatusNotFound, "there is nothing at")
	}
	o.OlderClients = []dashboard.OlderClient{}
	none := newWall(t, o, false)
	none.get("/message", handshake...).wantProblem(t, "none", http.StatusNotFound, "there is nothing at")
	for _, wrong := range []dashboard.Options{{OlderClients: []dashboard.OlderClient{"ftp"}}, {MsgFeed: "none"}} {
		if _, err := dashboard.New(wrong); err == nil {
			t.Errorf("New(%+v) = nil; want an error", wrong)
		}
	}
}
