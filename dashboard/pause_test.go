package dashboard

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// get asks for a path.
func (b *bubble) get(path string) string {
	b.t.Helper()
	res, err := b.client.Get("http://site" + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(body)
}

// TestPause has a source fail for long: who asks is told why and until when it is left alone, and never that its poll is late.
func TestPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &moody{poll: func(n int) error {
			if 2 <= n && n <= 8 {
				return errors.New("down")
			}
			return nil
		}}
		b := newBubble(t, rows(source))
		defer b.stop()
		c := b.open("/msg", `{}`)
		time.Sleep(125 * time.Second) // in the pause of 5 intervals
		var got struct {
			Status, Reason, Error, Circuit string
			Due                            time.Time
			Page                           any
		}
		if err := json.Unmarshal([]byte(b.get("/api/readings?feed=rows")), &got); err != nil {
			t.Fatal(err)
		}
		if wait := time.Until(got.Due); got.Status != "stale" || got.Reason != "failed" || got.Error != "Down." || got.Circuit != "open" || got.Page == nil || wait < 15*time.Second || wait > 25*time.Second {
			t.Errorf("GET /api/readings: %+v, due in %s; want the last page, and when the pause ends", got, wait)
		}
		if metrics := b.get("/metrics"); !strings.Contains(metrics, "\npulsewall_feed_circuit_open{feed=\"rows\"} 1\n") {
			t.Error("the metrics do not say that the circuit is open")
		}
		if n := source.polls.Load(); n != 8 {
			t.Errorf("%d polls; want 8 in 125 s", n)
		}
		c.mu.Lock()
		for _, said := range c.list[1:] {
			if !strings.Contains(said.text, "Down.") {
				t.Errorf("/msg says %s after %s; want why there is nothing", said.text, said.after)
			}
		}
		c.mu.Unlock()
		time.Sleep(30 * time.Second)
		if body := b.get("/api/readings?feed=rows"); !strings.Contains(body, `"status":"ok"`) || strings.Contains(body, "circuit") {
			t.Errorf("after the pause: %.300s", body)
		}
		if metrics := b.get("/metrics"); !strings.Contains(metrics, "\npulsewall_feed_circuit_open{feed=\"rows\"} 0\n") {
			t.Error("the metrics do not say that the circuit is closed")
		}
	})
}
