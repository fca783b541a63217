//go:build unix

package feeds

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

func newTestPrometheus(t *testing.T, o PrometheusOptions) *Prometheus {
	t.Helper()
	p, err := NewPrometheus(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// metricsOfUsers are what a program with two users tells, one number of which is none.
func metricsOfUsers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprint(w, `# TYPE orders gauge
orders{user="7",state="open",value="kept"} 3
orders{user="7",state="done"} 40
orders{user="8",state="open"} 5
odd{kind="nan"} NaN
odd{kind="inf"} +Inf
odd{kind="minus"} -Inf
# TYPE took histogram
took_bucket{le="1"} 2
took_bucket{le="+Inf"} 3
took_sum 4.5
took_count 3
`)
}

// TestPrometheus asks a real one that reads a program with two users, kills it under load and starts it again.
func TestPrometheus(t *testing.T) {
	t.Parallel()
	target := strings.TrimPrefix(serveHTTP(t, metricsOfUsers), "http://")
	server, err := servers.Prometheus(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	poll := func(query, unionID string) ([]Record, error) {
		p, err := NewPrometheus(PrometheusOptions{URL: Secret(server.URL()), Query: query})
		if err != nil {
			return nil, err
		}
		defer func() { _ = p.Close() }()
		res, err := p.Poll(t.Context(), Query{UnionID: unionID})
		return res.Records, err
	}
	eventually(t, func() error {
		records, err := poll("orders", "")
		if err != nil || len(records) != 3 {
			return fmt.Errorf("%d series of orders, %w; want 3, once they are read", len(records), err)
		}
		return nil
	})
	t.Run("users", func(t *testing.T) {
		for id, want := range map[string]string{"7": "[40 3]", "8": "[5]", "9": "[]"} {
			records, err := poll(`orders{user="{unionId}"}`, id)
			if got := fmt.Sprint(values(records)); err != nil || got != want {
				t.Errorf("orders of user %s = %s, %v; want %s", id, got, err, want)
			}
		}
		for _, query := range []string{`orders{user="{unionId}"}`, `orders{user=~'{unionId}'}`, `orders{user=~"{unionId}|none"}`} {
			for _, id := range hostileIDs[1:] {
				if records, err := poll(query, id); err != nil || len(records) != 0 {
					t.Errorf("%s of user %q = %v, %v; want nothing", query, id, records, err)
				}
			}
		}
	})
	t.Run("kinds", func(t *testing.T) { testPromKinds(t, server.URL(), poll) })
	t.Run("restart", func(t *testing.T) { testPromRestart(t, server) })
}

func values(records []Record) []any {
	out := make([]any, len(records))
	for i, r := range records {
		out[i] = r["value"]
	}
	return out
}

func testPromKinds(t *testing.T, url string, poll func(query, unionID string) ([]Record, error)) {
	records, err := poll(`orders{state="open",user="7"}`, "")
	if err != nil || len(records) != 1 {
		t.Fatalf("%v, %v; want one record", records, err)
	}
	r := records[0]
	if r["metric"] != "orders" || r["state"] != "open" || r["exported_value"] != "kept" || r["value"] != 3.0 ||
		!strings.HasPrefix(r["series"].(string), "orders{") || newest(records, "time", time.Now(), 0).IsZero() {
		t.Errorf("record %v; want labels, metric, series, value and time", r)
	}
	for query, want := range map[string]string{
		"3 + 4":                      "[7]",
		"sort_desc(orders)":          "[40 5 3]",
		"topk(1, orders)":            "[40]",
		`odd{kind="nan"} or odd`:     "[<nil> <nil> <nil>]",
		"nosuch":                     "[]",
		`orders{user="8"}[1m]`:       "[5]",
		"sum by (user) (orders)":     "[43 5]",
		`took_bucket{le="+Inf"}`:     "[3]",
		"count({__name__=~\"o.*\"})": "[6]",
	} {
		records, err := poll(query, "")
		records = newTable(Result{Records: records}, Query{}, true).records // as the scheduler takes them
		if got := fmt.Sprint(values(records)); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", query, got, err, want)
		}
	}
	for query, want := range map[string]string{
		"orders{":           "refuses the query",
		"rate(orders)":      "refuses the query",
		"orders{a=~\"(\"}":  "refuses the query",
		"nosuchfunction(1)": "unknown function",
	} {
		if _, err := poll(query, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want an error with %q", query, err, want)
		}
	}
	p := newTestPrometheus(t, PrometheusOptions{URL: Secret(url), Query: `orders{user="8"}`, Range: time.Minute, Step: time.Second})
	res, err := p.Poll(t.Context(), Query{})
	if err != nil || len(res.Records) != 1 || res.Records[0]["value"] != 5.0 || res.Records[0]["mean"] != 5.0 || res.Records[0]["max"] != 5.0 {
		t.Errorf("a range of orders = %v, %v; want its newest value, and the mean and the greatest", res.Records, err)
	}
	wrong := newTestPrometheus(t, PrometheusOptions{URL: Secret(url + "/nosuch"), Query: "up"})
	if _, err := wrong.Poll(t.Context(), Query{}); err == nil || !strings.Contains(err.Error(), "check the url") {
		t.Errorf("at another path: %v; want to be told to check the url", err)
	}
}

// testPromRestart kills the server while it is asked, and wants errors, then the data again.
func testPromRestart(t *testing.T, server *servers.Server) {
	p := newTestPrometheus(t, PrometheusOptions{URL: Secret(server.URL()), Query: `orders{user="{unionId}"}`})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for user := range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				res, err := p.Poll(ctx, Query{UnionID: fmt.Sprint(user + 6)})
				for _, r := range res.Records {
					if r["user"] != fmt.Sprint(user+6) {
						t.Errorf("user %d was given %v (%v)", user+6, r, err)
					}
				}
			}
		})
	}
	server.Kill()
	_, err := p.Poll(t.Context(), Query{UnionID: "7"})
	if err == nil || !strings.Contains(err.Error(), "nobody listens") {
		t.Errorf("Poll of a killed server = %v; want to be told that nobody listens", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		res, err := p.Poll(t.Context(), Query{UnionID: "7"})
		if err != nil || len(res.Records) != 2 {
			return fmt.Errorf("%d series, %w; want 2 again", len(res.Records), err)
		}
		return nil
	})
	server.Freeze()
	late, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := p.Poll(late, Query{UnionID: "7"}); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("Poll of a server that hangs = %v; want it to end with its context", err)
	}
	server.Thaw()
}

// TestScrape reads a program's metrics itself.
func TestScrape(t *testing.T) {
	t.Parallel()
	base := serveHTTP(t, metricsOfUsers)
	for _, tt := range []struct{ match, id, want string }{
		{`orders`, "", "[40 3 5]"},
		{`orders{user="{unionId}"}`, "8", "[5]"},
		{`orders{user="{unionId}"}`, `8"} or {`, "[]"},
		{`took_bucket`, "", "[3 2]"},
		{`{kind!=""}`, "", "[<nil> <nil> <nil>]"},
		{``, "", "[<nil> <nil> <nil> 40 3 5 3 2 3 4.5]"},
	} {
		p := newTestPrometheus(t, PrometheusOptions{Scrape: Secret(base), Match: tt.match})
		if got := p.Describe().PerUser; got != (tt.id != "") {
			t.Errorf("match %s: per user %v; want %v", tt.match, got, tt.id != "")
		}
		res, err := p.Poll(t.Context(), Query{UnionID: tt.id})
		sanitize(res.Records)
		if got := fmt.Sprint(values(res.Records)); err != nil || got != tt.want {
			t.Errorf("match %s for %q = %s, %v; want %s", tt.match, tt.id, got, err, tt.want)
		}
	}
	for name, tt := range map[string]struct{ body, want string }{
		"page":      {"<html>", "no metrics in the text format: line 1"},
		"cut off":   {"up{a=\"b", "no metrics in the text format: line 1"},
		"not UTF-8": {"up{a=\"\xff\"} 1\n", "no metrics in the text format: line 1"},
		"text":      {"up five\n", "no metrics in the text format: line 1"},
		"huge":      {strings.Repeat("# no end\n", 1<<20), "more than 8388608 bytes"},
		"lines":     {strings.Repeat("a 1\n", maxMetricLines+1), "more than 200000 lines"},
	} {
		p := newTestPrometheus(t, PrometheusOptions{Scrape: Secret(serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, tt.body) }))})
		if _, err := p.Poll(t.Context(), Query{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want an error with %q", name, err, tt.want)
		}
	}
}

// TestPromRecords makes records of what this Prometheus has none of.
func TestPromRecords(t *testing.T) {
	histogram := &model.SampleHistogram{Count: 4, Sum: 10}
	records, err := promRecords(model.Vector{{Metric: model.Metric{"a": "b"}, Histogram: histogram, Timestamp: 1000}})
	if err != nil || records[0]["value"] != 2.5 || records[0]["count"] != 4.0 || records[0]["time"] != "1970-01-01T00:00:01.000Z" {
		t.Errorf("a histogram is %v, %v; want the mean, count and time", records, err)
	}
	nan := model.SampleValue(math.NaN())
	records, err = promRecords(model.Matrix{
		{Values: []model.SamplePair{{Timestamp: 1, Value: 4}, {Timestamp: 2, Value: nan}, {Timestamp: 3, Value: 2}}},
		{Values: []model.SamplePair{{Timestamp: 1, Value: nan}}},
		{Histograms: []model.SampleHistogramPair{{Timestamp: 1, Histogram: histogram}}},
		{},
	})
	if err != nil || records[0]["value"] != 2.0 || records[0]["min"] != 2.0 || records[0]["mean"] != 3.0 || records[0]["max"] != 4.0 {
		t.Errorf("a range is %v, %v; want the newest, and what lies in it", records, err)
	}
	if _, has := records[1]["mean"]; has || records[2]["value"] != 2.5 || records[3]["value"] != nil {
		t.Errorf("ranges of nothing are %v; want no numbers", records[1:])
	}
	if _, err := promRecords(make(model.Vector, maxSamples+1)); err == nil {
		t.Error("too many series are no error")
	}
}

func TestSortsItself(t *testing.T) {
	for query, want := range map[string]bool{
		" sort_desc (up)": true, "topk(3, up)": true, "topk by (job) (3, up)": true, "sort_by_label(up, 'job')": true,
		"sorted_jobs": false, "sort_jobs_total(": false, "topk_size > 1": false, "up": false,
	} {
		if got := sortsItself(query); got != want {
			t.Errorf("sortsItself(%q) = %v; want %v", query, got, want)
		}
	}
}

func TestNewPrometheus(t *testing.T) {
	tests := []struct {
		o            PrometheusOptions
		key, problem string
	}{
		{PrometheusOptions{}, "url", "is missing"},
		{PrometheusOptions{URL: "http://h"}, "query", "is missing"},
		{PrometheusOptions{URL: "http://h/{unionId}", Query: "up"}, "url", "{unionId}"},
		{PrometheusOptions{URL: "http://h?a=b", Query: "up"}, "url", "has a query"},
		{PrometheusOptions{URL: "http://h", Query: "up{unionId}"}, "query", "outside a text in quotes"},
		{PrometheusOptions{URL: "http://h", Query: "up", Match: "up"}, "match", "is for scrape"},
		{PrometheusOptions{URL: "http://h", Query: "up", Step: time.Second}, "step", "needs a range"},
		{PrometheusOptions{URL: "http://h", Query: "up", Range: -1}, "range", "more than 0"},
		{PrometheusOptions{URL: "http://h", Query: "up", Range: time.Hour, Step: time.Millisecond}, "step", "11000th"},
		{PrometheusOptions{URL: "http://h", Scrape: "http://h"}, "scrape", "excludes"},
		{PrometheusOptions{Scrape: "h"}, "scrape", "no absolute URL"},
		{PrometheusOptions{Scrape: "http://h", Match: "a b"}, "match", "no selector"},
		{PrometheusOptions{Scrape: "http://h", Access: Access{Token: "\n"}}, "token", "line break"},
	}
	for _, tt := range tests {
		_, err := NewPrometheus(tt.o)
		var option *OptionError
		if !errors.As(err, &option) || option.Key != tt.key || !strings.Contains(option.Problem, tt.problem) {
			t.Errorf("NewPrometheus(%+v) = %v; want an OptionError of %s with %q", tt.o, err, tt.key, tt.problem)
		}
	}
}
