package dashboard

import (
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

var (
	cursorOf  = regexp.MustCompile(`data-cursor="([^"]*)"`)
	versionOf = regexp.MustCompile(`data-version="([^"]*)"`)
)

// While readings come without a pause, a poll from a page's cursor brings a newer one or none: nothing again, and in the end nothing is missing.
func TestPageAndCursorAgreeUnderLoad(t *testing.T) {
	d, run := newDashboard(t)
	run() // or each page waits 2 s for its first reading
	if err := d.layOut([]Board{{Name: "main", Panels: []Panel{{Name: "rows", Feed: "rows"}}}}); err != nil {
		t.Fatal(err)
	}
	rows := sub(t, "rows")
	base := time.Now().Add(time.Hour).UnixMicro() // above what the scheduler puts
	put := func(n int64) {
		now := time.Now()
		sink{d}.Put(feeds.Reading{
			Sub: rows, Version: base + n, Before: base + n - 1, At: now, Seen: now, Due: now.Add(time.Minute), Status: feeds.OK,
			Page: page(feeds.Record{"id": "n", "value": float64(n)}), Values: map[string]float64{"n": float64(n)},
		})
	}
	put(0)
	var newest atomic.Int64 // put already
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for n := int64(1); ; n++ {
			select {
			case <-stop:
				return
			default:
				put(n)
				newest.Store(n)
			}
		}
	})
	for range 200 {
		least := base + newest.Load()
		shown, version := lookAndPoll(t, d)
		if shown < least {
			t.Errorf("the page shows %d; %d was there before", shown-base, least-base)
		}
		if version != 0 && version <= shown {
			t.Errorf("the page shows %d, the poll from its cursor brings %d", shown-base, version-base)
		}
	}
	close(stop)
	wg.Wait()
	if shown, version := lookAndPoll(t, d); version != 0 || shown != base+newest.Load() {
		t.Errorf("at rest the page shows %d, the poll from its cursor brings %d; want nothing", shown-base, version-base)
	}
}

// lookAndPoll returns the version on the page, and the one that a poll from its cursor brings; 0: none.
func lookAndPoll(t *testing.T, d *Dashboard) (shown, brought int64) {
	t.Helper()
	text := ask(t, d, "/d/main")
	cursor, version := cursorOf.FindStringSubmatch(text), versionOf.FindStringSubmatch(text)
	if cursor == nil || version == nil {
		t.Fatal(text)
	}
	shown, _ = strconv.ParseInt(version[1], 10, 64)
	text = ask(t, d, "/live?sub=rows&wait=0&after="+url.QueryEscape(html.UnescapeString(cursor[1])))
	var answer struct {
		Events []struct {
			Event string
			Data  struct{ Version int64 }
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	for _, e := range answer.Events[1:] {
		if e.Event != "reading" || brought != 0 {
			t.Errorf("after the page: %s", text)
		}
		brought = e.Data.Version
	}
	return shown, brought
}

func ask(t *testing.T, d *Dashboard, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}
