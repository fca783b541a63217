package dashboard_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

var cursorOf = regexp.MustCompile(`data-cursor="([^"]*)"`)

// TestPageAndCursorAgree polls on from a page: no reading comes again, and none is missing.
func TestPageAndCursorAgree(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	page := w.do("GET", "/d/main", "")
	m := cursorOf.FindStringSubmatch(page.body)
	if page.StatusCode != 200 || m == nil || !strings.Contains(page.body, "row 0") {
		t.Fatalf("page %d %s", page.StatusCode, page.body)
	}
	after := url.QueryEscape(html.UnescapeString(m[1]))
	a := w.do("GET", "/live?wait=0&sub=rows/-/1/10&sub=rows/-/1/3&after="+after, "")
	var got struct {
		Cursor string
		Events []struct{ Event string }
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	for _, e := range got.Events {
		if e.Event == "reading" || e.Event == "reset" {
			t.Errorf("after the page's cursor: %s; want hello alone", a.body)
		}
	}
}

// TestPageConditional answers 304 only while nothing that is shown has changed, and HEAD like GET.
func TestPageConditional(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	w.do("GET", "/d/main", "")
	for range 5 { // an age may turn between two requests
		first := w.do("GET", "/d/main", "")
		second := w.do("GET", "/d/main", "", "If-None-Match: "+first.Header.Get("ETag"))
		if second.StatusCode == 304 {
			if second.body != "" || second.Header.Get("ETag") != first.Header.Get("ETag") {
				t.Errorf("304 with %q and ETag %s; want none and %s", second.body, second.Header.Get("ETag"), first.Header.Get("ETag"))
			}
			break
		}
	}
	for _, path := range []string{"/", "/d/main", "/api/feeds", "/api/readings?sub=rows", "/healthz", "/readyz"} {
		if a := w.do("HEAD", path, ""); a.StatusCode != 200 || a.body != "" {
			t.Errorf("HEAD %s = %d %q; want 200 and no body", path, a.StatusCode, a.body)
		}
	}
	a := w.do("GET", "/d/main", "")
	if cc := a.Header.Get("Cache-Control"); cc != "no-cache" || a.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("Cache-Control %q and headers %v; want no-cache and a policy", cc, a.Header)
	}
}

// TestReadingConditional answers 304 for the reading that the client has.
func TestReadingConditional(t *testing.T) {
	source := &counting{}
	w := newWall(t, options(source), false)
	a := w.do("GET", "/api/readings?feed=rows&current=2&size=5", "")
	o := a.object(t)
	page, _ := o["page"].(map[string]any)
	if o["sub"] != "rows/-/2/5" || o["status"] != "ok" || page["total"] != float64(100) || page["current"] != float64(2) {
		t.Errorf("reading %s", a.body)
	}
	b := w.do("GET", "/api/readings?sub=rows/7/2/5", "", "If-None-Match: "+a.Header.Get("ETag"))
	if b.StatusCode != 304 || source.polls.Load() != 1 {
		t.Errorf("second = %d with %d polls; want 304 with 1", b.StatusCode, source.polls.Load())
	}
}

// TestHostileRecords shows markup of a record as text, on the page and in what is pushed.
func TestHostileRecords(t *testing.T) {
	w := newWall(t, options(&counting{text: `<img src=x onerror="alert(1)">`}), false)
	page := w.do("GET", "/d/main", "")
	if strings.Contains(page.body, "<img") {
		t.Error("a record's markup is on the page")
	}
	push := w.do("GET", "/live?wait=0&format=html&feed=rows", "").object(t)
	for _, e := range push["events"].([]any) {
		data := e.(map[string]any)["data"].(map[string]any)
		if text, _ := data["html"].(string); strings.Contains(text, "<img") {
			t.Errorf("a record's markup is pushed: %s", text)
		}
	}
}

// TestPushedHTMLIsLean keeps markup in JSON as it is, instead of six bytes for each angle bracket.
func TestPushedHTMLIsLean(t *testing.T) {
	w := newWall(t, options(&counting{}), false)
	a := w.do("GET", "/live?wait=0&format=html&feed=rows", "")
	if n := strings.Count(a.body, `\u003c`); n > 0 {
		t.Errorf("%d escaped angle brackets in %d bytes", n, len(a.body))
	}
}

// GET /api/readings answers what the stream would, and 304 while that stands.
func TestGetReading(t *testing.T) {
	w := newWall(t, two(dashboard.Options{}), false)
	for _, query := range []string{"sub=rows/-/2/5", "feed=rows&current=2&size=5", "feed=mine&unionId=7", "sub=rows&format=html", "sub=rows;kind=a", "sub=rows/-/1000/500"} {
		first := w.get("/api/readings?" + query)
		etag := first.Header.Get("ETag")
		if first.StatusCode != 200 || !strings.HasPrefix(etag, `W/"`) || first.Header.Get("Cache-Control") != "no-cache" || !json.Valid([]byte(first.body)) {
			t.Errorf("%s: %d %v %s", query, first.StatusCode, first.Header, first.body)
		}
		for _, match := range []string{etag, `"x", ` + etag, strings.TrimPrefix(etag, "W/"), "*"} {
			again := w.get("/api/readings?"+query, "If-None-Match: "+match)
			if again.StatusCode != 304 || again.body != "" || again.Header.Get("ETag") != etag || again.Header.Get("Vary") == "" {
				t.Errorf("%s with %s: %d %v", query, match, again.StatusCode, again.Header)
			}
		}
		if other := w.get("/api/readings?"+query, `If-None-Match: W/"x"`); other.StatusCode != 200 {
			t.Errorf("%s: %d for another tag", query, other.StatusCode)
		}
	}
	past := w.get("/api/readings?sub=rows/-/1000/500").object(t)
	if got := fmt.Sprint(past["page"]); got != "map[current:1000 pages:1 records:[] size:500 total:100]" {
		t.Errorf("past the end: %s", got)
	}
	packed := w.get("/api/readings?sub=rows", "Accept-Encoding: gzip")
	if packed.Header.Get("Content-Encoding") != "gzip" || packed.Header.Get("ETag") != w.get("/api/readings?sub=rows").Header.Get("ETag") {
		t.Errorf("compressed: %v", packed.Header)
	}
}
