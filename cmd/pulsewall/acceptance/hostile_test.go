package acceptance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/feeds"
)

// hostile is text that wants to be more than text.
const hostile = `</script></table><img src=x onerror="window.__hacked=1;alert(1)"><script>window.__hacked=2</script>" onmouseover="window.__hacked=3' style='x`

// hostileSource has hostile names and records, and fails with a hostile error after some polls.
type hostileSource struct{ counter }

func (h *hostileSource) Describe() feeds.Description {
	d := h.counter.Describe()
	d.Title, d.Origin, d.Fields[0].Label, d.Fields[1].Unit = hostile, hostile, hostile, hostile
	return d
}

func (h *hostileSource) Poll(ctx context.Context, q feeds.Query) (feeds.Result, error) {
	got, err := h.counter.Poll(ctx, q)
	for i, r := range got.Records {
		r["id"] = fmt.Sprint(hostile, i)
		if i == 0 {
			r["__proto__"] = hostile
		}
	}
	if h.count() > 4 {
		return feeds.Result{}, errors.New(hostile)
	}
	return got, err
}

// TestHostileText has hostile text in records, titles, errors and messages: it is on the glass as text, and nothing of it runs.
func TestHostileText(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			source := &hostileSource{counter{whole: true, rows: 3, note: hostile}}
			var panels []dashboard.Panel
			for _, view := range []string{"table", "chart", "tiles"} {
				panels = append(panels, dashboard.Panel{Name: view, Title: hostile, Feed: "counter", View: view})
			}
			s := newSite(t, dashboard.Options{
				Node: "here", Feeds: []feeds.Feed{{Name: "counter", Source: source, Interval: 2 * time.Second}},
				Boards: []dashboard.Board{{Name: "d", Title: hostile, Panels: panels}},
			})
			p := w.open(t, s.URL+"/d/d")
			has := func(where, text string) string {
				return fmt.Sprintf(`document.querySelector(%q).textContent.indexOf(%q) >= 0`, where, text)
			}
			p.until(10*time.Second, has("[data-panel=table] tbody", hostile)+" && "+has("[data-panel=table] h2", hostile))
			if !w.noScripts {
				p.until(10*time.Second, isLive)
				message := map[string]any{"to": map[string]any{"all": true}, "data": hostile, "unionId": "1", "name": hostile[:40]}
				if err := s.send(t.Context(), message); err != nil {
					t.Fatal(err)
				}
				p.until(5*time.Second, has("[data-slot=notices]", hostile)+" && "+has("[data-slot=notices]", hostile[:40]))
			}
			p.until(15*time.Second, has("[data-panel=table] [data-slot=age]", "onerror"))
			hacked, err := eval[bool](p, `window.__hacked !== undefined || Boolean(document.querySelector("img, [onerror], [onmouseover], [style='x']"))`)
			p.must(err)
			if hacked {
				t.Error("hostile text became more than text")
			}
			p.fits(w.name)
			p.quiet(s.URL)
		})
	}
}

// TestSlowClient has a WebSocket that stops reading among others: it is ended, counted, and delays nobody.
func TestSlowClient(t *testing.T) {
	t.Parallel()
	source := &counter{whole: true, rows: 500, note: strings.Repeat("long ", 400)}
	s := counterSite(t, source, feedEvery(time.Second))
	slow, err := s.socket(t.Context(), "feed=counter&size=500")
	if err != nil {
		t.Fatal(err)
	}
	crowd := newCrowd(t)
	others := "feed=counter&size=10" // which a busy machine carries as well
	if isLong() {
		others = "feed=counter&size=500"
	}
	for i := range 20 {
		crowd.watch(s, []string{"websocket", "sse"}[i%2], others)
	}
	start := time.Now()
	eventually(t, 40*time.Second, func() error {
		_, text := get(t, s.URL+"/metrics")
		line := regexp.MustCompile(`(?m)^pulsewall_slow_closes_total (\S+)$`).FindStringSubmatch(text)
		if line == nil {
			return errors.New("slow closes are not told")
		}
		if n, err := strconv.ParseFloat(line[1], 64); err != nil || n < 1 {
			return fmt.Errorf("%s slow closes are counted; want one", line[1])
		}
		return nil
	})
	t.Logf("ended after %.1f s", time.Since(start).Seconds())
	eventually(t, time.Second, func() error {
		if n := crowd.heard.Load(); n != 20 {
			return fmt.Errorf("%d of 20 others have a reading", n)
		}
		return nil
	})
	var closed errClosed
	for {
		if _, err = slow.next(); err != nil {
			break
		}
	}
	if errors.As(err, &closed) && closed.code != 4408 {
		t.Errorf("the slow one was closed with %v; want 4408 or, where a frame was cut, no word", closed)
	}
	t.Logf("the slow one reads: %v", err)
}
