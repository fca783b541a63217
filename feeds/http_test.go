package feeds

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const secretKey = "s3cr3t-4711"

// newTestHTTP returns a source for o, closed with the test.
func newTestHTTP(t *testing.T, o HTTPOptions) *HTTP {
	t.Helper()
	h, err := NewHTTP(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// serveHTTP serves until the test ends.
func serveHTTP(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// TestHTTPPaged has a server cut the pages of two users.
func TestHTTPPaged(t *testing.T) {
	t.Parallel()
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != secretKey || r.Header.Get("Accept") != "application/json" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		w.Header().Set("X-Total", "41")
		fmt.Fprintf(w, `{"meta":{"n":41},"rows":[{"who":%q,"offset":%q,"page":%q}]}`, r.PathValue("id"), r.URL.Query().Get("o"), r.URL.Query().Get("p"))
	})
	for _, o := range []HTTPOptions{{Total: "meta.n"}, {TotalHeader: "x-total"}} {
		o.URL = Secret(base + "/u?id={unionId}&o={offset}&n={limit}&p={current}")
		o.Records, o.Headers = "rows", map[string]Secret{"x-key": secretKey}
		h := newTestHTTP(t, o)
		if d := h.Describe(); d.Whole || !d.PerUser {
			t.Errorf("Describe = whole %v, per user %v; want false, true", d.Whole, d.PerUser)
		}
		res, err := h.Poll(t.Context(), Query{UnionID: "7", Offset: 20, Limit: 10})
		want := Result{Total: 41, Records: []Record{{"who": "", "offset": "20", "page": "3"}}}
		if diff := cmp.Diff(want, res); err != nil || diff != "" {
			t.Errorf("Poll = %v, -want +got:\n%s", err, diff)
		}
	}
}

// TestHTTPOfNobody asks for no records of a user when there is none: a server might answer with those of all.
func TestHTTPOfNobody(t *testing.T) {
	t.Parallel()
	base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked for", r.URL)
		fmt.Fprint(w, `[{"of":"all"}]`)
	})
	for _, path := range []string{"/rows?u={unionId}", "/of/{unionId}/rows", "/of/u-{unionId}"} {
		res, err := newTestHTTP(t, HTTPOptions{URL: Secret(base + path)}).Poll(t.Context(), Query{})
		if err != nil || len(res.Records) != 0 {
			t.Errorf("Poll of %s = %v, %v; want nothing", path, res.Records, err)
		}
	}
	for _, match := range []string{`up{user="{unionId}"}`, `up{user!="{unionId}"}`} {
		res, err := newTestPrometheus(t, PrometheusOptions{Scrape: Secret(base), Match: match}).Poll(t.Context(), Query{})
		if err != nil || len(res.Records) != 0 {
			t.Errorf("Poll of %s = %v, %v; want nothing", match, res.Records, err)
		}
	}
	query := PrometheusOptions{URL: Secret(base), Query: `up{user!~"{unionId}.*"}`}
	if res, err := newTestPrometheus(t, query).Poll(t.Context(), Query{}); err != nil || len(res.Records) != 0 {
		t.Errorf("Poll of a query = %v, %v; want nothing", res.Records, err)
	}
}

// TestHTTPShared counts the requests of 30 users on 30 pages: one of a whole table, 30 where the server cuts.
func TestHTTPShared(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int32{"/all": 1, "/cut?o={offset}&n={limit}": 30, "/mine?u={unionId}": 30} {
		var requests atomic.Int32
		base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			fmt.Fprintf(w, `{"n":900,"rows":[%s{"u":%q,"o":%q}]}`, strings.Repeat(`{"u":"x"},`, 899), r.URL.Query().Get("u"), r.URL.Query().Get("o"))
		})
		o := HTTPOptions{URL: Secret(base + path), Records: "rows"}
		if strings.HasPrefix(path, "/cut") {
			o.Total = "n"
		}
		r := startRig(t, Options{}, Feed{Name: "api", Source: newTestHTTP(t, o), Interval: time.Hour})
		for i := range 30 {
			sub, release := r.watch(fmt.Sprintf("api/%d/%d/10", i+1, i+1))
			defer release()
			eventually(t, func() error {
				if list := r.readings(sub); len(list) == 0 || list[len(list)-1].Status != OK {
					return fmt.Errorf("%d readings of %s, none of them good", len(list), sub)
				}
				return nil
			})
		}
		r.stop()
		if got := requests.Load(); got != want {
			t.Errorf("%s was asked for %d times by 30 users on 30 pages; want %d", path, got, want)
		}
	}
}

// eventually waits until f is content.
func eventually(t *testing.T, f func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(5 * time.Millisecond)
	}
}

// TestHTTPSame wants an answer that the server calls the same not to be sent or read again.
func TestHTTPSame(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ETag", "Last-Modified"} {
		tag, sent := `"v1"`, 0
		asks := map[string]string{"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}[name]
		base := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, tag)
			if r.Header.Get(asks) == tag {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			sent++
			fmt.Fprintf(w, `[{"tag":%q}]`, tag)
		})
		h := newTestHTTP(t, HTTPOptions{URL: Secret(base)})
		poll := func() []Record {
			res, err := h.Poll(t.Context(), Query{})
			if err != nil || len(res.Records) != 1 {
				t.Fatalf("Poll = %v, %v; want one record", res.Records, err)
			}
			return res.Records
		}
		first, second := poll(), poll()
		if &first[0] != &second[0] || sent != 1 {
			t.Errorf("%s: the same answer was sent %d times; want once, and read once", name, sent)
		}
		tag = `"v2"`
		if third := poll(); third[0]["tag"] != tag || sent != 2 {
			t.Errorf("%s: %v after a change, sent %d times; want %s, sent twice", name, third, sent, tag)
		}
	}
}

// TestHTTPKeptBounds keeps as many answers as fit.
func TestHTTPKeptBounds(t *testing.T) {
	k := keptAnswers{max: 100}
	for i := range 10 {
		k.put(&keptAnswer{url: fmt.Sprint(i), etag: "x", size: 30})
		k.get("0")
	}
	if k.size != 90 || len(k.list) != 3 || k.get("0") == nil || k.get("9") == nil || k.get("5") != nil {
		t.Errorf("%d answers of %d bytes; want 3 of 90: the first, which was used, and the last", len(k.list), k.size)
	}
	k.put(&keptAnswer{url: "0", size: 30})
	k.put(&keptAnswer{url: "big", etag: "x", size: 101})
	if k.get("0") != nil || k.get("big") != nil || k.size != 0 {
		t.Errorf("%d bytes kept; want none: one cannot be asked for, the other is too large", k.size)
	}
	for i := range 2 * maxKeptAnswers {
		k.put(&keptAnswer{url: fmt.Sprint(i), etag: "x"})
	}
	if len(k.list) != maxKeptAnswers {
		t.Errorf("%d small answers kept; want %d", len(k.list), maxKeptAnswers)
	}
}
