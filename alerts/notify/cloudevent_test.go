package notify

import (
	"encoding/json"
	"testing"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

// TestSubjectIsOneLine has a record whose ID no attribute of a CloudEvent may hold: a receiver that checks would refuse it for good.
func TestSubjectIsOneLine(t *testing.T) {
	t.Parallel()
	url, posts := serve(t, ok)
	e := raised()
	e.Alert.Record = "boiler\n1\x00\u0085\u202e\tb"
	if err := newWebhook(t, WebhookOptions{URL: feeds.Secret(url)}).Notify(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Subject string
		Data    struct{ Alert alerts.Alert }
	}
	if err := json.Unmarshal((<-posts).body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Subject != "rooms/boiler 1 b" || got.Data.Alert.Record != e.Alert.Record {
		t.Errorf("subject %q of record %q; want one line, and the record as it is", got.Subject, got.Data.Alert.Record)
	}
}
