package dashboard

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/views"
)

// at is a fixed moment of the tests.
var at = time.Date(2026, 3, 4, 5, 6, 7, 89e6, time.FixedZone("east", 3600))

func sub(t testing.TB, text string) feeds.Subscription {
	t.Helper()
	s, err := feeds.ParseSubscription(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func page(records ...feeds.Record) *feeds.Page {
	return &feeds.Page{Records: records, Total: len(records), Size: 10, Current: 1, Pages: 1}
}

// The data of a reading event is a contract, to the letter.
func TestReadingJSON(t *testing.T) {
	d, _ := newDashboard(t)
	row := page(feeds.Record{"id": "a<b>", "value": 1.5})
	rows := sub(t, "rows")
	const head = `{"sub":"rows/-/1/10","version":7,`
	const when = `"at":"2026-03-04T04:06:07.089Z","due":"2026-03-04T04:06:17.089Z",`
	const records = `"page":{"records":[{"id":"a<b>","value":1.5}],"total":1,"size":10,"current":1,"pages":1}`
	tests := []struct {
		name    string
		reading feeds.Reading
		next    bool
		want    string
	}{
		{"ok", feeds.Reading{At: at, Due: at.Add(10 * time.Second), Status: feeds.OK, Page: row}, false, head + when + `"status":"ok",` + records + `}`},
		{"next", feeds.Reading{At: at, Due: at.Add(10 * time.Second), Status: feeds.OK, Page: row, Values: map[string]float64{"a": 1.5, "big": 1e6, "tiny": 1e-9}}, true,
			head + when + `"status":"ok",` + records + `,"points":{"a":[[1772597167089,1.5]],"big":[[1772597167089,1000000]],"tiny":[[1772597167089,1e-09]]}}`},
		{"same", feeds.Reading{At: at, Due: at.Add(10 * time.Second), Status: feeds.OK, Page: row, Same: true, Values: map[string]float64{"a": 1.5}}, true, head + when + `"status":"ok","same":true}`},
		{"same for a newcomer", feeds.Reading{At: at, Due: at.Add(10 * time.Second), Status: feeds.OK, Page: row, Same: true}, false, head + when + `"status":"ok",` + records + `}`},
		{"pushed", feeds.Reading{At: at, Status: feeds.OK, Page: page()}, true,
			head + `"at":"2026-03-04T04:06:07.089Z","status":"ok","page":{"records":null,"total":0,"size":10,"current":1,"pages":1}}`},
		{"stale", feeds.Reading{At: at, SourceAt: at, Status: feeds.Stale, Reason: feeds.ReasonFailed, Error: `no "answer"`, Since: at, Page: row}, false,
			head + `"at":"2026-03-04T04:06:07.089Z","sourceAt":"2026-03-04T04:06:07.089Z","status":"stale","reason":"failed","error":"no \"answer\"","since":"2026-03-04T04:06:07.089Z",` + records + `}`},
		{"error", feeds.Reading{Due: at, Status: feeds.Failed, Error: "gone", Since: at}, false,
			head + `"due":"2026-03-04T04:06:07.089Z","status":"error","error":"gone","since":"2026-03-04T04:06:07.089Z"}`},
		{"loading", feeds.Reading{Status: feeds.Loading, Since: at}, false, head + `"status":"loading","since":"2026-03-04T04:06:07.089Z"}`},
	}
	for _, tt := range tests {
		tt.reading.Sub, tt.reading.Version = rows, 7
		c := newContent(d, tt.reading)
		if got := string(c.Encode(transport.JSON, tt.next)); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// A fragment that says when the source is asked again is never taken for the same.
func TestReadingHTML(t *testing.T) {
	d, _ := newDashboard(t)
	r := feeds.Reading{Sub: sub(t, "rows/-/1/5"), Version: 7, Due: at, Status: feeds.Failed, Error: "<script>gone", Since: at, Same: true}
	var data struct {
		HTML string
		Same bool
	}
	if err := json.Unmarshal(newContent(d, r).Encode(transport.HTML, true), &data); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(data.HTML, "04:06:07") || data.Same || strings.Contains(data.HTML, "<script>") || !strings.Contains(data.HTML, "&lt;script&gt;gone") {
		t.Errorf("failed: %s", data.HTML)
	}
	r.Status, r.Page = feeds.OK, page(feeds.Record{"id": `"><img src=x onerror=alert(1)>`, "value": 1.5})
	text := string(newContent(d, r).Encode(transport.HTML, true))
	if !strings.Contains(text, `"same":true`) || strings.Contains(text, `"html"`) {
		t.Errorf("same: %s", text)
	}
	text = string(newContent(d, r).Encode(transport.HTML, false))
	if !json.Valid([]byte(text)) || strings.Contains(text, "<img") || !strings.Contains(text, "&lt;img") {
		t.Errorf("hostile: %s", text)
	}
}

// What is older than two intervals is nobody's first reading; what was pushed has no rhythm.
func TestOldIsNeverFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newDashboard(t)
		defer d.hub.Close()
		subs := []feeds.Subscription{sub(t, "rows"), sub(t, "rows/-/2/10")}
		now := time.Now()
		sink{d}.Put(feeds.Reading{Sub: subs[0], Version: now.UnixMicro(), At: now, Seen: now, Due: now.Add(10 * time.Second), Status: feeds.OK, Page: page()})
		sink{d}.Put(feeds.Reading{Sub: subs[1], Version: now.UnixMicro(), At: now, Seen: now, Status: feeds.OK, Page: page()})
		for _, want := range []int{2, 1} {
			d.forgetOld(subs)
			if updates, _ := d.hub.Snapshot(topics(subs)); len(updates) != want {
				t.Errorf("%v later: %d updates; want %d", time.Since(now), len(updates), want)
			}
			time.Sleep(21 * time.Second)
		}
	})
}

// A page's tag differs as soon as anything that it shows does, ages included.
func TestPageTag(t *testing.T) {
	d, _ := newDashboard(t)
	r := feeds.Reading{Sub: sub(t, "rows"), Version: 7, At: at, Due: at.Add(time.Minute), Status: feeds.OK, Page: page()}
	shown := func(now time.Time, change func(*views.PageView)) string {
		p := views.PageView{Now: now, Panels: []views.PanelView{{Fragment: views.FragmentView{Reading: r}}}}
		change(&p)
		return d.pageTag(p)
	}
	first := shown(at, func(*views.PageView) {})
	if again := shown(at.Add(500*time.Millisecond), func(p *views.PageView) { p.Cursor = "other" }); again != first {
		t.Error("another tag for what looks the same")
	}
	for what, tag := range map[string]string{
		"age":      shown(at.Add(time.Second), func(*views.PageView) {}),
		"late":     shown(at.Add(time.Hour), func(*views.PageView) {}),
		"version":  shown(at, func(p *views.PageView) { p.Panels[0].Fragment.Reading.Version++ }),
		"status":   shown(at, func(p *views.PageView) { p.Panels[0].Fragment.Reading.Status = feeds.Failed }),
		"online":   shown(at, func(p *views.PageView) { p.Users++ }),
		"degraded": shown(at, func(p *views.PageView) { p.Degraded = true }),
	} {
		if tag == first {
			t.Errorf("the same tag though the %s differs", what)
		}
	}
}

// A first poll tells that a reading is loading, also when the scheduler is late to say so.
func TestFirstPollIsLoading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := newDashboard(t) // nobody polls: it is not run
		for range 2 {
			began := time.Now()
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live/poll?sub=rows", nil))
			if body := w.Body.String(); !strings.Contains(body, `"status":"loading"`) || time.Since(began) > 2*time.Second {
				t.Errorf("%s after %v; want one that is loading, within 2 s", body, time.Since(began))
			}
		}
		sink{d}.Put(feeds.Reading{Sub: sub(t, "rows/-/1/10"), Version: time.Now().UnixMicro(), Status: feeds.OK, Page: page()})
		w := httptest.NewRecorder()
		d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/live/poll?sub=rows", nil))
		if !strings.Contains(w.Body.String(), `"status":"ok"`) {
			t.Errorf("%s; want the reading that came", w.Body)
		}
	})
}

// What streams have had is not encoded anew for GET /api/readings.
func TestReadingIsEncodedOnce(t *testing.T) {
	d, _ := newDashboard(t)
	r := feeds.Reading{Sub: sub(t, "rows/-/1/10"), Version: 7, Status: feeds.OK, Page: page()}
	sink{d}.Put(r)
	first, again := d.contentOf(r).Encode(transport.HTML, false), d.contentOf(r).Encode(transport.HTML, false)
	if len(first) == 0 || &first[0] != &again[0] {
		t.Error("encoded twice")
	}
	r.Version, r.Error = 8, "newer"
	if text := string(d.contentOf(r).Encode(transport.JSON, false)); !strings.Contains(text, `"version":8`) {
		t.Errorf("%s; want the version that was asked for", text)
	}
}
