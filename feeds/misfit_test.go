//go:build unix

package feeds

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// misfit is a source that does wrong in one way, and what its reading has to say: status, total, note and error, or one of several with | between.
type misfit struct {
	name, want string
	source     Source
	sub        string // after the name of the feed
}

// wantMisfits has all of them polled beside a source that does right, whose readings none may touch.
func wantMisfits(t *testing.T, list []misfit) {
	t.Helper()
	all := make([]Feed, 0, len(list)+1)
	good := &fakeSource{Description: wholeTable, PollFn: counting(3)}
	all = append(all, Feed{Name: "good", Source: good, Interval: time.Second})
	for i, m := range list {
		all = append(all, Feed{Name: fmt.Sprint("bad", i), Source: m.source, Interval: 2 * time.Second})
	}
	r := startRig(t, Options{}, all...)
	defer r.stop()
	beside, release := r.watch("good")
	defer release()
	subs := make([]Subscription, len(list))
	for i, m := range list {
		sub, release := r.watch(fmt.Sprint("bad", i, m.sub))
		defer release()
		subs[i] = sub
	}
	for i, m := range list {
		eventually(t, func() error {
			said := "nothing"
			for _, got := range r.readings(subs[i]) {
				said = told(got)
				if slices.ContainsFunc(strings.Split(m.want, " | "), func(want string) bool { return strings.Contains(said, want) }) {
					return nil
				}
			}
			return fmt.Errorf("%s: %.400s; want %s", m.name, said, m.want)
		})
	}
	before := len(r.readings(beside))
	eventually(t, func() error {
		if n := len(r.readings(beside)); n < before+3 {
			return fmt.Errorf("%d readings of the source beside them; want %d", n, before+3)
		}
		return nil
	})
	for _, got := range r.readings(beside) {
		if got.Status != OK && got.Status != Loading {
			t.Errorf("the source beside them is %s: %s", got.Status, got.Error)
		}
	}
}

// told is what a reading says, but for its records.
func told(r Reading) string {
	total := "no page"
	if r.Page != nil {
		total = fmt.Sprint(r.Page.Total)
	}
	return fmt.Sprintf("%s %s: %s %s", r.Status, total, r.Note, r.Error)
}

// valued says that v is a number.
var valued = Mapping{ID: "id", Values: []string{"v"}}

func TestMisfitsHTTP(t *testing.T) {
	t.Parallel()
	var most atomic.Int64
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }
	}
	var shapes atomic.Int32
	ways := map[string]http.HandlerFunc{
		"/slow": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"/huge": func(w http.ResponseWriter, _ *http.Request) {
			sent, chunk := int64(0), bytes.Repeat([]byte(" "), 1<<16)
			for {
				n, err := w.Write(chunk)
				if sent += int64(n); err != nil {
					break
				}
			}
			for seen := most.Load(); sent > seen && !most.CompareAndSwap(seen, sent); {
				seen = most.Load()
			}
		},
		"/total":  text(`{"rows":[{"id":1}],"total":-5}`),
		"/much":   text(`{"rows":[{"id":1}],"total":1000000}`),
		"/nan":    text(`[{"id":1,"v":NaN}]`),
		"/words":  text(`[{"id":1,"v":"NaN"},{"id":2,"v":"n/a"},{"id":3,"v":""},{"id":4,"v":1e400}]`),
		"/utf8":   text("[{\"id\":\"\xff\"}]"),
		"/ten":    text(`[{"id":"` + strings.Repeat("x", 10<<20) + `"}]`),
		"/record": text(`[{"id":"` + strings.Repeat("x", 2<<20) + `"}]`),
		"/empty":  text(""),
		"/none":   text("[]"),
		"/shape": func(w http.ResponseWriter, _ *http.Request) {
			body := `[{"ident":1,"w":2}]`
			if shapes.Add(1) == 1 {
				body = `[{"id":1,"v":2}]`
			}
			fmt.Fprint(w, body)
		},
	}
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { ways[r.URL.Path](w, r) })
	at := func(path string, m Mapping) Source {
		o := HTTPOptions{URL: Secret(base + path)}
		if path == "/total" || path == "/much" {
			o = HTTPOptions{URL: Secret(base + path + "?o={offset}&l={limit}"), Records: "rows", Total: "total"}
		}
		return mustMap(t, newTestHTTP(t, o), m)
	}
	wantMisfits(t, []misfit{
		{name: "slow", source: at("/slow", valued), want: "error no page:  The source did not answer within 1.6s."},
		{name: "huge", source: at("/huge", valued), want: "has more than 8388608 bytes; ask for less, or raise maxBytes"},
		{name: "total", source: at("/total", Mapping{}), want: `error no page:  The answer has a total of "-5"; 0 to`},
		{name: "total too high", source: at("/much", Mapping{}), want: "ok 1000000: "},
		{name: "NaN", source: at("/nan", valued), want: "error no page:  The answer is not JSON at line 1, column 14"},
		{name: "no numbers", source: at("/words", valued), want: `ok 4: 3 values of "v" are no number, such as "NaN".`},
		{name: "no numbers, not mapped", source: at("/words", Mapping{}), want: `ok 4:  `},
		{name: "invalid UTF-8", source: at("/utf8", valued), want: "error no page:  The answer is not UTF-8 at line 1, column 9"},
		{name: "10 MB", source: at("/ten", valued), want: "has more than 8388608 bytes"},
		{name: "a record of 2 MB", source: at("/record", valued), want: "error no page:  Record 1 has more than 1048576 bytes"},
		{name: "nothing", source: at("/empty", valued), want: "error no page:  The answer is empty"},
		{name: "no records", source: at("/none", valued), want: "ok 0: "},
		{name: "another shape", source: at("/shape", valued), want: `stale 1:  No record has the field "id"; there are: ident, w.`},
	})
	if n := most.Load(); n == 0 || n > 32<<20 {
		t.Errorf("%d bytes of an endless answer were taken; want 8 MiB, and what the sockets hold", n)
	}
}

func TestMisfitsScrape(t *testing.T) {
	t.Parallel()
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, map[string]string{
			"/nan": "a 1\nb NaN\nc +Inf\n", "/words": "a 1\nb x y z\n", "/none": "", "/utf8": "a{b=\"\xff\"} 1\n", "/ten": strings.Repeat("# comment\n", 1<<20),
		}[r.URL.Path])
	})
	at := func(path string) Source { return newTestPrometheus(t, PrometheusOptions{Scrape: Secret(base + path)}) }
	wantMisfits(t, []misfit{
		{name: "NaN", source: at("/nan"), want: `ok 3: 2 values of "value" are no finite number, such as NaN.`},
		{name: "no metrics", source: at("/words"), want: "has no metrics in the text format: line 2"},
		{name: "nothing", source: at("/none"), want: "ok 0: "},
		{name: "invalid UTF-8", source: at("/utf8"), want: "has no metrics in the text format"},
		{name: "10 MB", source: at("/ten"), want: "has more than 8388608 bytes"},
	})
}
