package dashboard_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// boilers is a feed with alerts: two records, of which the first has the heat that is set. Of one per user, each user has such.
type boilers struct {
	heat    atomic.Int64
	polls   atomic.Int64
	perUser bool
}

func (b *boilers) Describe() feeds.Description {
	return feeds.Description{
		Title: "Boilers", ID: "id", Label: "name", Whole: true, PerUser: b.perUser, Values: []string{"heat"},
		Fields: []feeds.Field{{Name: "id", Label: "Id", Type: "string"}, {Name: "name", Label: "Name", Type: "string"}, {Name: "heat", Label: "Heat", Unit: "°C", Type: "number"}},
	}
}

func (b *boilers) Poll(context.Context, feeds.Query) (feeds.Result, error) {
	b.polls.Add(1)
	return feeds.Result{Records: []feeds.Record{{"id": "1", "name": "North <b>", "heat": b.heat.Load()}, {"id": "2", "heat": 20}}}, nil
}

// feed is one of these, polled each second.
func (b *boilers) feed(name string, users ...string) feeds.Feed {
	warn, crit := 80.0, 90.0
	return feeds.Feed{
		Name: name, Source: b, Interval: time.Second, AlertFor: users,
		Thresholds: []feeds.Threshold{{Field: "heat", Warn: &warn, Crit: &crit}},
	}
}

// alert is one as clients see it.
type alert struct {
	ID, Feed, UnionID, Record, State, Reason string
	Cleared                                  string
	Ack                                      struct{ By, Note string }
}

func (w *wall) alerts(query string) (list []alert) {
	w.t.Helper()
	var out struct{ Alerts []alert }
	if err := json.Unmarshal([]byte(w.get("/api/alerts"+query).body), &out); err != nil {
		w.t.Fatal(err)
	}
	return out.Alerts
}

// alertsOf waits for so many alerts.
func (w *wall) alertsOf(query string, want int) (list []alert) {
	w.t.Helper()
	eventually(w.t, func() error {
		if list = w.alerts(query); len(list) != want {
			return fmt.Errorf("alerts%s: %+v; want %d", query, list, want)
		}
		return nil
	})
	return list
}

// TestAlerts takes an alert through its life, as clients see it.
func TestAlerts(t *testing.T) {
	t.Parallel()
	source, own := new(boilers), &boilers{perUser: true}
	source.heat.Store(95)
	own.heat.Store(85)
	opts := two(dashboard.Options{History: openHistory(t)})
	opts.Feeds = append(opts.Feeds, source.feed("boilers", ""), own.feed("mine2", "7", "8"))
	w := newWall(t, opts, false)
	w.alertsOf("", 3)
	if list := w.alerts("?unionId=7"); len(list) != 2 || list[0].Feed != "boilers" || list[1].UnionID != "7" {
		t.Errorf("of user 7: %+v; want that of all, and then his own", list)
	}
	list := w.alerts("?feed=boilers")
	if len(list) != 1 || list[0].State != "crit" || list[0].Record != "1" {
		t.Fatalf("of boilers: %+v; want one, critical", list)
	}
	if res := w.post("/api/messages", `{"to":{"room":"alerts"},"data":"all is well"}`); res.StatusCode != http.StatusForbidden {
		t.Errorf("a client in the room: %d; want 403", res.StatusCode)
	}
	eventually(t, func() error {
		body := w.get("/api/messages?room=alerts&after=earliest").body
		if !strings.Contains(body, `boilers North <b>: heat 95 °C is critical (90 °C or more)`) || strings.Contains(body, "mine2") {
			return fmt.Errorf("the room of all: %s", body)
		}
		if body = w.get("/api/messages?room=alerts&after=earliest&unionId=7").body; strings.Count(body, `"change":"raised"`) != 2 {
			return fmt.Errorf("the room of user 7: %s", body)
		}
		return nil
	})
	if res := w.post("/api/alerts/"+list[0].ID+"/ack", `{"by":" Ann  B ","note":"on it"}`); res.StatusCode != http.StatusOK || !strings.Contains(res.body, `"by":"Ann B"`) {
		t.Errorf("acknowledge: %d %s", res.StatusCode, res.body)
	}
	if page := w.get("/alerts").body; !strings.Contains(page, "North &lt;b&gt;") || !strings.Contains(page, "by <b><bdi>Ann B</bdi>") {
		t.Errorf("the page lacks the alert, or who knows of it: %s", page)
	}
	source.heat.Store(20)
	got := w.alertsOf("?feed=boilers&state=cleared", 1)[0]
	if got.Ack.By != "Ann B" || got.Ack.Note != "on it" || got.Cleared == "" || got.Reason != "" {
		t.Errorf("cleared: %+v; want who acknowledged it", got)
	}
	metrics := w.get("/metrics").body
	for _, line := range []string{`pulsewall_alerts{state="crit"} 0`, `pulsewall_alerts{state="warn"} 2`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// TestNoAlerts has a server without such feeds: there are none, and the room is one like any.
func TestNoAlerts(t *testing.T) {
	t.Parallel()
	w := newWall(t, two(dashboard.Options{}), false)
	if list := w.alerts("?state=all"); len(list) != 0 {
		t.Errorf("alerts: %+v; want none", list)
	}
	if res := w.post("/api/messages", `{"to":{"room":"alerts"},"data":"hello"}`); res.StatusCode != http.StatusAccepted {
		t.Errorf("a message to the room: %d; want 202", res.StatusCode)
	}
}

// alerting calls what is about alerts, where there is one.
func alerting(t *testing.T, seen map[string]bool) {
	t.Helper()
	source := new(boilers)
	source.heat.Store(95)
	s := describedWall(t, dashboard.Options{}, seen, source.feed("boilers", ""))
	id := s.alertsOf("", 1)[0].ID
	ack := "POST /api/alerts/" + id + "/ack?unionId=7&name=Ann"
	note := `{"by":"Ann","note":"on it"}`
	for _, c := range []call{
		{200, "GET /api/alerts?state=all&feed=boilers&unionId=7", "", nil}, {400, "GET /api/alerts?state=none", "", nil},
		{400, ack, `{"by":"` + strings.Repeat("x", 65) + `"}`, nil}, {400, ack, `[]`, nil}, {403, ack, note, evil},
		{404, "POST /api/alerts/none/ack", note, nil}, {200, ack, note, nil}, {409, ack, note, nil},
	} {
		s.check(c)
	}
	source.heat.Store(20)
	s.alertsOf("", 0)
	source.heat.Store(95)
	id = s.alertsOf("", 1)[0].ID
	s.check(call{303, "POST /api/alerts/" + id + "/ack", "by=Ann&note=on+it", nil})
	s.check(call{200, "GET /api/alerts", "", nil})
}

// TestAlertsAfterRestart has a node alone start again over its file: what was raised is, and nobody is told again.
func TestAlertsAfterRestart(t *testing.T) {
	t.Parallel()
	store, source := openHistory(t), new(boilers)
	source.heat.Store(95)
	var before []alert
	for range 2 {
		t.Run("", func(t *testing.T) {
			opts := two(dashboard.Options{History: store})
			opts.Feeds = append(opts.Feeds, source.feed("boilers", ""))
			w := newWall(t, opts, false)
			list := w.alertsOf("", 1)
			polls := source.polls.Load()
			eventually(t, func() error { // judged again
				if source.polls.Load() < polls+2 {
					return errors.New("not polled yet")
				}
				return nil
			})
			if before == nil {
				before = list
			}
			if list = w.alerts("?state=all"); len(list) != 1 || list[0].ID != before[0].ID {
				t.Errorf("alerts: %+v; want %+v", list, before)
			}
			eventually(t, func() error {
				if body := w.get("/api/messages?room=alerts&after=earliest").body; strings.Count(body, `"change":`) != 1 {
					return fmt.Errorf("the room: %s; want one message", body)
				}
				return nil
			})
		})
	}
}
