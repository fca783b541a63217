package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestMsg talks as a page does that was written for another server.
func TestMsg(t *testing.T) {
	t.Parallel()
	w := newWall(t, options(&counting{}), false)
	c := w.older("/msg")
	c.wantsPage(c.says(`{"unionId":1}`), 10, 100, 10, 1, 10)
	c.wantsTime("any object", c.says(`{"what":"ever"}`))
	junk := []string{``, ` `, `hello`, `ping`, `[1]`, `"x"`, `7`, `null`, `{`, `{"unionId":1} and more`, "\x00", `{"unionId":"seven"}`, `{"unionId":1.5}`,
		`{"unionId":9223372036854775808}`, `{"unionId":[1]}`, `{"unionId":true}`, strings.Repeat("[", 60_000)}
	for range 2 { // more than twenty in a row end nothing
		for _, text := range junk {
			c.wantsError(fmt.Sprintf("%.40q", text), c.says(text), "")
		}
	}
	c.wantsTime("after junk", c.says(`{}`))
	send := func(to, data string) {
		if a := w.post("/api/messages", `{"to":`+to+`,"data":`+data+`}`); a.StatusCode != http.StatusAccepted {
			t.Fatalf("send: %s", a.body)
		}
	}
	send(`{"users":["2"]}`, `"for 2, too early"`)
	send(`{"users":["1"]}`, `"bare <b> \"text\" 漢字 \n"`)
	c.wants("a string", c.hears(), "bare <b> \"text\" 漢字 \n")
	send(`{"users":["1"]}`, `{"a": [1, null]}`)
	c.wants("an object", c.hears(), `{"a":[1,null]}`)
	send(`{"all":true}`, `"to all"`)
	c.wants("to all", c.hears(), "to all")
	for _, id := range []string{`"-9223372036854775808"`, `9223372036854775807`, `" 2"`, `2`} {
		answer := c.says(`{"unionId":` + id + `}`)
		if id == `" 2"` {
			c.wantsError(id, answer, "64-bit")
			continue
		}
		c.wantsTime(id, answer)
		user := strings.Trim(id, `"`)
		send(`{"users":["1"]}`, `"for 1, too late"`)
		send(`{"users":["`+user+`"]}`, `"for `+user+`"`)
		c.wants(id, c.hears(), "for "+user)
		if got := w.get("/api/presence/users/" + user).body; !strings.Contains(got, `"transports":{"msg":1}`) {
			t.Errorf("presence of %s: %s; want it by msg", user, got)
		}
	}
	c.wantsTime("null stays", c.says(`{"unionId":null}`))
	send(`{"users":["2"]}`, `"for 2 still"`)
	c.wants("still", c.hears(), "for 2 still")
	metrics := w.get("/metrics").body
	for _, want := range []string{`pulsewall_older_texts_total{address="/msg",outcome="error"} 35`, `pulsewall_sessions{transport="msg"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

// TestMsgFirst: what cannot start the push changes nothing, and what comes next can.
func TestMsgFirst(t *testing.T) {
	t.Parallel()
	w := newWall(t, two(dashboard.Options{}), false) // the second feed is per user, and so the one of /msg
	c := w.older("/msg")
	for text, part := range map[string]string{
		`hello`:                                `hello`,
		`{}`:                                   "unionId",
		`{"unionId":"","current":1}`:           "unionId",
		`{"unionId":7,"size":501}`:             "1 to 500",
		`{"unionId":7,"size":0}`:               "1 to 500",
		`{"unionId":7,"size":"1;kind=k"}`:      "1 to 500",
		`{"unionId":7,"current":-1}`:           "1 to 2147483647",
		`{"unionId":7,"current":2147483648}`:   "1 to 2147483647",
		`{"unionId":7,"current":1.5}`:          "1 to 2147483647",
		`{"unionId":7,"current":{}}`:           "1 to 2147483647",
		`{"unionId":7,"current":"1/10/1/../"}`: "1 to 2147483647",
	} {
		c.wantsError(text, c.says(text), part)
	}
	if got := w.get("/api/presence").object(t)["users"]; got != 0.0 {
		t.Errorf("%v users; want nobody yet", got)
	}
	c.wantsPage(c.says(`{"unionId":"7","current":"4","size":33}`), 1, 100, 33, 4, 4)
	over := w.older("/msg?unionId=8")
	over.wantsPage(over.says(`{"current":11}`), 0, 100, 10, 11, 10)
	if got := w.get("/api/presence").object(t)["users"]; got != 2.0 {
		t.Errorf("%v users; want 7 and 8", got)
	}
	named := newWall(t, func() dashboard.Options { o := two(dashboard.Options{}); o.MsgFeed = "rows"; return o }(), false)
	other := named.older("/msg")
	other.wantsPage(other.says(`{"size":3}`), 3, 100, 3, 1, 34)
}

// TestSourceOldIsNotPushed: a page whose own data is old is told as such.
func TestSourceOldIsNotPushed(t *testing.T) {
	t.Parallel()
	o := options(aged{})
	o.Feeds[0].MaxAge = time.Minute
	c := newWall(t, o, false).older("/msg")
	c.wantsError("old data", c.says(`{}`), "the data of rows is old")
}

// aged is a source whose records were written an hour ago.
type aged struct{}

func (aged) Describe() feeds.Description {
	return feeds.Description{Title: "Aged", ID: "id", Time: "at", Whole: true, Fields: []feeds.Field{
		{Name: "id", Label: "Id", Type: "string"}, {Name: "at", Label: "At", Type: "time"},
	}}
}

func (aged) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	return feeds.Result{Records: []feeds.Record{{"id": "1", "at": time.Now().Add(-time.Hour).Format(time.RFC3339)}}}, nil
}
