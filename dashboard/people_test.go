package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// personal is a feed of what each user has.
type personal struct{}

func (personal) Describe() feeds.Description {
	return feeds.Description{Title: "Personal", ID: "id", Values: []string{"value"}, Whole: true, PerUser: true, Fields: []feeds.Field{
		{Name: "id", Label: "Id", Type: "string"}, {Name: "value", Label: "Value", Type: "number"},
	}}
}

func (personal) Poll(_ context.Context, q feeds.Query) (feeds.Result, error) {
	return feeds.Result{Records: []feeds.Record{{"id": "belongs to " + q.UnionID, "value": 1.0}}}, nil
}

// people are those of the tokens, and what says so.
var people = []struct{ id, other, header string }{{"7", "8", asSeven}, {"8", "7", asEight}}

// peopleWall has something of 7 and of 8: records, their history, an alert, and a message to each.
func peopleWall(t *testing.T) *wall {
	t.Helper()
	o := guarded(dashboard.Options{History: openHistory(t)})
	worth := 1.0
	o.Feeds[1].Source, o.Feeds[1].Thresholds, o.Feeds[1].AlertFor = personal{}, []feeds.Threshold{{Field: "value", Crit: &worth}}, []string{"7", "8"}
	w := newWall(t, o, false)
	for _, p := range people {
		body := fmt.Sprintf(`{"to":{"users":[%q]},"data":"belongs to %s"}`, p.other, p.other)
		if a := w.post("/api/messages", body, p.header); a.StatusCode != http.StatusAccepted {
			t.Fatalf("a message: %d %s", a.StatusCode, a.body)
		}
	}
	return w
}

// hears is what comes by a way from an address until something belongs to somebody.
func (w *wall) hears(way, address, header string) string {
	w.t.Helper()
	const sign = "belongs to"
	switch way {
	case "socket":
		s := w.socketAt(address, header)
		defer func() { _ = s.conn.Close() }()
		for {
			if opcode, text := s.frame(); opcode == 8 || strings.Contains(string(text), sign) {
				return string(text)
			}
		}
	case "msg":
		return w.older(address, header).says("{}")
	case "stream":
		stream := w.eventStream(address, header)
		for stream.Scan() {
			if strings.Contains(stream.Text(), sign) {
				return stream.Text()
			}
		}
		w.t.Fatalf("%s ended: %v", address, stream.Err())
	}
	var a answer
	eventually(w.t, func() error {
		if a = w.get(address, header); a.StatusCode != http.StatusOK || !strings.Contains(a.body, sign) {
			return fmt.Errorf("%s: %d %s", address, a.StatusCode, a.body)
		}
		return nil
	})
	return a.body
}

// eventStream opens one that the test closes at its end, and returns its lines.
func (w *wall) eventStream(address string, header ...string) *bufio.Scanner {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL+address, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Accept-Encoding", "identity") // else it ends without the trailer of gzip
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := w.Client().Do(r)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %v %v", address, res, err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	return bufio.NewScanner(res.Body)
}

// Two people ask the same on every way there is, neither saying who he is: each gets what is his, and nothing of the other. Who names the
// other is refused.
func TestTwoPeople(t *testing.T) {
	w := peopleWall(t)
	for _, tt := range []struct{ way, address string }{
		{"socket", "/live?sub=mine"}, {"socket", "/live/ws?feed=mine"}, {"socket", "/live/ws?sub=mine&format=html"}, {"socket", "/live/ws?after=earliest"},
		{"stream", "/live?sub=mine"}, {"stream", "/live/sse?sub=mine"}, {"stream", "/live/sse?after=earliest"},
		{"get", "/live?sub=mine&wait=0"}, {"get", "/live/poll?sub=mine&wait=0"}, {"get", "/live/poll?after=earliest&wait=0"},
		{"msg", "/msg?"},
		{"get", "/?"}, {"get", "/d/main?"}, {"get", "/chat?"},
		{"get", "/api/readings?sub=mine"}, {"get", "/api/readings?feed=mine&format=html"}, {"get", "/api/history?sub=mine"}, {"get", "/api/messages?"},
		{"get", "/api/alerts?"}, {"get", "/alerts?"},
	} {
		for _, p := range people {
			got := w.hears(tt.way, tt.address, p.header)
			if !strings.Contains(got, "belongs to "+p.id) || strings.Contains(got, "belongs to "+p.other) {
				t.Errorf("%s %s as %s: %s", tt.way, tt.address, p.id, got)
			}
			for _, more := range []string{"&unionId=" + p.other, "&sub=mine/" + p.other, "&unionId=" + p.id + "&sub=mine/" + p.other + "/1/10"} {
				header := []string{p.header}
				if tt.way == "socket" || tt.way == "msg" {
					header = append(header, handshake...)
				}
				if a := w.get(tt.address+more, header...); a.StatusCode != http.StatusForbidden || strings.Contains(a.body, "belongs") {
					t.Errorf("%s %s%s as %s: %d %s; want 403", tt.way, tt.address, more, p.id, a.StatusCode, a.body)
				}
			}
		}
	}
}

// Alerts are those of all and one's own, and who acknowledges one is who his token says.
func TestAlertsOfTwoPeople(t *testing.T) {
	shared, own := new(boilers), &boilers{perUser: true}
	shared.heat.Store(95)
	own.heat.Store(95)
	o := guarded(dashboard.Options{})
	o.Feeds = append(o.Feeds, shared.feed("boilers", ""), own.feed("mine2", "7", "8"))
	w := newWall(t, o, false)
	ids := make(map[string]string) // of one's own, by user
	for _, p := range people {
		eventually(t, func() error {
			var got struct{ Alerts []alert }
			body := w.get("/api/alerts?state=all", p.header).body
			if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Alerts) != 2 {
				return fmt.Errorf("alerts of %s: %s; want that of all, and one", p.id, body)
			}
			for _, a := range got.Alerts {
				if a.UnionID == p.other {
					t.Fatalf("%s sees that of %s: %s", p.id, p.other, body)
				}
				if a.UnionID == p.id {
					ids[p.id] = a.ID
				}
			}
			return nil
		})
	}
	const note = `{"by":"Somebody else","note":"on it"}`
	if a := w.post("/api/alerts/"+ids["8"]+"/ack", note, asSeven); a.StatusCode != http.StatusNotFound {
		t.Errorf("7 acknowledges that of 8: %d %s; want 404", a.StatusCode, a.body)
	}
	if a := w.post("/api/alerts/"+ids["7"]+"/ack", note, asSeven); a.StatusCode != http.StatusOK || !strings.Contains(a.body, `"by":"Seven"`) {
		t.Errorf("7 acknowledges his own: %d %s", a.StatusCode, a.body)
	}
	for _, p := range people {
		eventually(t, func() error {
			body := w.get("/api/messages?room=alerts", p.header).body
			if strings.Contains(body, `"users":["`+p.other+`"]`) {
				t.Fatalf("%s reads of the alerts of %s: %s", p.id, p.other, body)
			}
			if !strings.Contains(body, `"users":["`+p.id+`"]`) {
				return fmt.Errorf("%s reads nothing of his own: %s", p.id, body)
			}
			return nil
		})
	}
}

// What is asked for in band is no way around it.
func TestAnotherInBand(t *testing.T) {
	w := peopleWall(t)
	s := w.socket("", asSeven)
	s.until("hello")
	if got := fmt.Sprint(s.ask(`{"op":"subscribe","sub":"mine/8/1/10"}`).Data); !strings.Contains(got, "403") || !strings.Contains(got, "that of 7") {
		t.Errorf("subscribe: %s; want 403", got)
	}
	if got := fmt.Sprint(s.ask(`{"op":"subscribe","sub":"mine"}`).Data); !strings.Contains(got, "mine/7/1/10") {
		t.Errorf("subscribe without a user: %s", got)
	}
	c := w.older("/msg", asSeven)
	c.wantsError("another's records", c.says(`{"unionId":8}`), "that of 7")
	c.wantsPage(c.says(`{"unionId":7}`), 1, 1, 10, 1, 1)
	c.wantsError("another's name later", c.says(`{"unionId":8}`), "that of 7")
}

// Whoever says something on an open connection is who his token says.
func TestSaidInBand(t *testing.T) {
	w := newWall(t, guarded(dashboard.Options{}), false)
	live := w.socket("?room=r&name=Eight", asSeven)
	live.until("hello")
	live.ask(`{"op":"send","to":{"room":"r"},"data":"live"}`)
	w.socketAt("/message?name=Eight", asSeven).tell("message")
	w.socketAt("/sockjs/websocket?name=Eight", asSeven).tell("raw")
	if a := w.do("POST", "/sockjs/000/said/xhr?name=Eight", "", asSeven); a.StatusCode != http.StatusOK {
		t.Fatalf("xhr: %d %s", a.StatusCode, a.body)
	}
	if a := w.do("POST", "/sockjs/000/said/xhr_send", `["xhr"]`, asSeven); a.StatusCode != http.StatusNoContent {
		t.Errorf("xhr_send: %d %s", a.StatusCode, a.body)
	}
	eventually(t, func() error {
		list := w.get("/api/messages?room=r&room=message&room=sockjs", asEight).body
		for _, said := range []string{"live", "message", "raw", "xhr"} {
			if !strings.Contains(list, fmt.Sprintf(`"data":%q`, said)) {
				return errors.New(said + " is missing in " + list)
			}
		}
		if n := strings.Count(list, `"from":{"unionId":"7","name":"Seven"}`); n != 4 {
			t.Fatalf("%d of 4 are of 7: %s", n, list)
		}
		return nil
	})
}

// An alert of one's own records is one's own, and who acknowledges it is who the token says.
func TestAlertOfAnother(t *testing.T) {
	w := peopleWall(t)
	w.hears("get", "/api/readings?sub=mine", asSeven) // polled now, and not at its place in the interval
	var id string
	eventually(t, func() error {
		before, found, ok := strings.Cut(w.get("/api/alerts", asSeven).body, `{"alerts":[{"id":"`)
		if id, _, _ = strings.Cut(found, `"`); !ok {
			return fmt.Errorf("no alert of 7: %s", before)
		}
		return nil
	})
	note := `{"by":"Mallory","note":"nothing to see"}`
	w.post("/api/alerts/"+id+"/ack", note, asEight).wantProblem(t, "of another", 404, "there is none")
	if a := w.post("/api/alerts/"+id+"/ack", note, asSeven); a.StatusCode != http.StatusOK || strings.Contains(a.body, "Mallory") {
		t.Errorf("one's own: %d %s; want that the token says who it is", a.StatusCode, a.body)
	}
	w.post("/api/alerts/"+id+"/ack", note).wantProblem(t, "of nobody", 401, "no token")
}
