//go:build unix

package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/feeds/servers"
)

// TestEachInItsTurn has an engine tell a webhook that refuses the first request and a mail server that is down: the webhook is told
// all the same, and the mails are there when the server is, one for each event.
func TestEachInItsTurn(t *testing.T) {
	t.Parallel()
	server, err := servers.Mail(t.Context())
	s := started(t, server, err)
	s.Kill()
	var requests atomic.Int32
	url, posts := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) == 1 {
			http.Error(w, "too many", http.StatusTooManyRequests)
		}
	})
	engine := startEngine(t, newWebhook(t, WebhookOptions{URL: feeds.Secret(url)}), newEmail(t, EmailOptions{Server: s.URL(), To: []string{"ops@pulsewall.example"}}))
	engine.Judge(verdict(95))
	first, again := eventOf(t, posts), eventOf(t, posts)
	if first != again || first.Type != "pulsewall.alert.raised" {
		t.Errorf("posted %+v and then %+v; want the same twice", first, again)
	}
	engine.Judge(verdict(20))
	cleared := eventOf(t, posts)
	if cleared.Type != "pulsewall.alert.cleared" || cleared.ID == first.ID {
		t.Errorf("posted %+v; want what is cleared", cleared)
	}
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	logSays(t, s, cleared.ID)
	var ids []string
	for _, m := range mails(t, s) {
		ids = append(ids, m.header.Get("Message-Id"))
	}
	if len(ids) != 2 || ids[0] != "<"+first.ID+"@pulsewall.example>" || ids[1] != "<"+cleared.ID+"@pulsewall.example>" {
		t.Errorf("mails %q; want one of %s, then one of %s", ids, first.ID, cleared.ID)
	}
}

// posted is what a test wants to know of a CloudEvent.
type posted struct{ ID, Type string }

// eventOf is that of the next request.
func eventOf(t *testing.T, posts chan post) (e posted) {
	t.Helper()
	select {
	case p := <-posts:
		if err := json.Unmarshal(p.body, &e); err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("nothing was posted")
	}
	return e
}

// startEngine runs an engine until the end of the test.
func startEngine(t *testing.T, notifiers ...alerts.Notifier) *alerts.Engine {
	t.Helper()
	engine, err := alerts.New(&alerts.Memory{}, alerts.Options{
		Self: "here", Post: func(context.Context, alerts.Event) error { return nil }, Notifiers: notifiers,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return engine
}

// verdict is that of a boiler, which is hot from 90 on.
func verdict(heat float64) alerts.Verdict {
	now := time.Now()
	v := alerts.Verdict{Source: alerts.Source{Feed: "boilers"}, Version: now.UnixMicro(), At: now}
	v.Value = func(string, string) (*float64, bool) { return &heat, true }
	if heat >= 90 {
		v.Beyond = []alerts.Finding{{Record: "north", Field: "value", Value: &heat, Bound: 90, State: alerts.Crit, Since: now}}
	}
	return v
}
