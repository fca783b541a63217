package dashboard_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/dashboard"
	"github.com/pulsewall/pulsewall/history"
)

// openHistory opens one that is closed when the test has ended.
func openHistory(t testing.TB) *history.Store {
	t.Helper()
	s, err := history.Open(t.TempDir(), history.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// askFor gets an address in a form.
func (w *wall) askFor(path, accept string) (*http.Response, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", accept)
	res, err := w.Client().Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res, string(b)
}

func TestHistory(t *testing.T) {
	store := openHistory(t)
	begin := time.Now().Truncate(time.Hour).Add(-2 * time.Hour).UTC()
	for i, v := range []float64{1, 2.5, 7} {
		store.Add("rows/-/1/5", begin.Add(time.Duration(i)*40*time.Second), map[string]float64{"a": v, `"b", c`: -v})
	}
	w := newWall(t, withHistory(store), false)
	span := "&from=" + begin.Format(time.RFC3339) + "&to=" + begin.Add(2*time.Minute).Format(time.RFC3339)

	res, got := w.askFor("/api/history?sub=rows/-/1/5&step=60"+span, "application/json")
	ms, from := begin.UnixMilli(), begin.Format("2006-01-02T15:04:05.000Z")
	var row struct {
		Series map[string][][4]float64
	}
	if err := json.Unmarshal([]byte(got), &row); err != nil {
		t.Fatal(err)
	}
	want := [][4]float64{{float64(ms), 1, 1.75, 2.5}, {float64(ms + 60_000), 7, 7, 7}}
	if a := row.Series["a"]; len(row.Series) != 2 || len(a) != 2 || a[0] != want[0] || a[1] != want[1] {
		t.Errorf("series = %v; want a %v", row.Series, want)
	}
	if head := `{"sub":"rows/-/1/5","from":"` + from + `","to":"` + begin.Add(2*time.Minute).Format("2006-01-02T15:04:05.000Z") + `","step":60,"series":{`; !strings.HasPrefix(got, head) || res.StatusCode != 200 {
		t.Errorf("answer %s %s; want it to begin with %s", res.Status, got, head)
	}

	res, got = w.askFor("/api/history?sub=rows/-/1/5&step=1m"+span, "text/csv")
	second := begin.Add(time.Minute).Format("2006-01-02T15:04:05.000Z")
	table := "time,series,min,mean,max\n" + from + `,"""b"", c",-2.5,-1.75,-1` + "\n" + second + `,"""b"", c",-7,-7,-7` + "\n" +
		from + ",a,1,1.75,2.5\n" + second + ",a,7,7,7\n"
	if got != table || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/csv") {
		t.Errorf("CSV (%s) = %s; want %s", res.Header.Get("Content-Type"), got, table)
	}

	_, got = w.askFor("/api/history?sub=rows/-/1/5&step=10"+span, "application/json")
	if n := strings.Count(got, "[1"); n != 6 {
		t.Errorf("%d points of 10 s; want 3 of each series, and none in between: %s", n, got)
	}
	_, got = w.askFor("/api/history?sub=rows/-/2/5"+span, "application/json")
	if !strings.Contains(got, `"series":{}`) {
		t.Errorf("another page = %s; want no series", got)
	}
}

func TestHistoryRefusals(t *testing.T) {
	w := newWall(t, withHistory(openHistory(t)), false)
	tests := []struct {
		query  string
		status int
		want   string
	}{
		{"", 400, "0 subscriptions"},
		{"sub=rows&sub=rows/-/2/5", 400, "2 subscriptions"},
		{"sub=none", 404, "none"},
		{"sub=rows&step=7", 400, "allowed are 10s to 24h"},
		{"sub=rows&step=15", 400, "multiples of 10s"},
		{"sub=rows&step=-60", 400, "allowed are 10s to 24h"},
		{"sub=rows&from=yesterday", 400, "RFC3339"},
		{"sub=rows&to=1e300", 400, "RFC3339"},
		{"sub=rows&from=NaN", 400, "RFC3339"},
		{"sub=rows&from=-5", 400, "RFC3339"},
		{"sub=rows&from=2000&to=1000", 400, "not before"},
		{"sub=rows&from=0", 400, "days at most"},
		{"sub=rows&step=10&from=" + url.QueryEscape(time.Now().Add(-40*time.Hour*24).Format(time.RFC3339)), 200, `"step":600`},
		{"sub=rows&step=600&from=" + url.QueryEscape(time.Now().Add(-80*time.Hour*24).Format(time.RFC3339)), 400, "at most 10000"},
	}
	for _, tt := range tests {
		tt.want = strings.ReplaceAll(tt.want, "RFC3339", "in Unix seconds")
		if res, got := w.askFor("/api/history?"+tt.query, "application/json"); res.StatusCode != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s = %d %s; want %d, %s", tt.query, res.StatusCode, got, tt.status, tt.want)
		}
	}
	none := newWall(t, withHistory(nil), false)
	if res, got := none.askFor("/api/history?sub=rows", "application/json"); res.StatusCode != 404 || !strings.Contains(got, "--data-dir") {
		t.Errorf("without a history: %d %s; want 404, --data-dir", res.StatusCode, got)
	}
}

// TestHistoryForSpreadsheets has names that a spreadsheet would take for formulas, and values that lie close together far from zero.
func TestHistoryForSpreadsheets(t *testing.T) {
	store := openHistory(t)
	begin := time.Now().Truncate(time.Hour).Add(-2 * time.Hour).UTC()
	for i, v := range []float64{1234567890, 1234567893} {
		store.Add("rows/-/1/5", begin.Add(time.Duration(i)*10*time.Second), map[string]float64{
			"=HYPERLINK(A1)": v, "@SUM(1)": 1, "+1": 1, "-1": 1, "\t=1": 1, "a=b": 1,
		})
	}
	w := newWall(t, withHistory(store), false)
	span := "&step=60&from=" + begin.Format(time.RFC3339) + "&to=" + begin.Add(time.Minute).Format(time.RFC3339)
	at := begin.Format("2006-01-02T15:04:05.000Z")
	_, got := w.askFor("/api/history?sub=rows/-/1/5"+span, "text/csv")
	for _, want := range []string{"'=HYPERLINK(A1),1234567890,1234567891.5,1234567893", "'@SUM(1),1,1,1", "'+1,1,1,1", "'-1,1,1,1", "'\t=1,1,1,1", "a=b,1,1,1"} {
		if !strings.Contains(got, "\n"+at+","+want+"\n") {
			t.Errorf("CSV has no line %s: %s", want, got)
		}
	}
	_, got = w.askFor("/api/history?sub=rows/-/1/5"+span, "application/json")
	if want := `"=HYPERLINK(A1)":[[` + strconv.FormatInt(begin.UnixMilli(), 10) + ",1234567890,1234567891.5,1234567893]]"; !strings.Contains(got, want) {
		t.Errorf("JSON has no %s: %s", want, got)
	}
}

// TestHistoryTooMuch refuses more than an answer may have, and says what to ask for.
func TestHistoryTooMuch(t *testing.T) {
	store := openHistory(t)
	begin := time.Now().Add(-350 * time.Minute)
	values := make(map[string]float64)
	for k := range 150 {
		values[strconv.Itoa(k)] = float64(k)
	}
	for i := range 2090 {
		store.Add("rows/-/1/5", begin.Add(time.Duration(i)*10*time.Second), values)
	}
	w := newWall(t, withHistory(store), false)
	query := "/api/history?sub=rows/-/1/5&from=" + begin.UTC().Format(time.RFC3339)
	if res, got := w.askFor(query+"&step=10", "application/json"); res.StatusCode != 400 || !strings.Contains(got, "take a longer step than 10s") {
		t.Errorf("%d %.200s; want 400, and a longer step", res.StatusCode, got)
	}
	if res, _ := w.askFor(query+"&step=20", "application/json"); res.StatusCode != 200 {
		t.Errorf("twice the step = %d; want 200", res.StatusCode)
	}
}

// BenchmarkHistory answers 90 days of one series in steps of 20 minutes. It fails where that takes 100 ms.
func BenchmarkHistory(b *testing.B) {
	store := openHistory(b)
	now := time.Now()
	for i := range 90 * 144 {
		store.Add("rows/-/1/5", now.Add(-time.Duration(i)*10*time.Minute), map[string]float64{"x": float64(i) / 7})
	}
	w := newWall(b, withHistory(store), false)
	query := "/api/history?sub=rows/-/1/5&step=1200&from=" + strconv.FormatInt(now.Add(-90*24*time.Hour).Unix(), 10)
	for b.Loop() {
		if res, got := w.askFor(query, "application/json"); res.StatusCode != 200 || strings.Count(got, "],[") < 6000 {
			b.Fatalf("%d, %d bytes; want 6,480 points", res.StatusCode, len(got))
		}
	}
	if each := b.Elapsed() / time.Duration(b.N); each > 100*time.Millisecond {
		b.Errorf("one answer takes %v; want less than 100 ms", each)
	}
}

// TestChartIsFull starts with a history: the first reading of a subscription has the hour before, and what comes is kept too.
func TestChartIsFull(t *testing.T) {
	store := openHistory(t)
	now := time.Now()
	for i := range 300 {
		store.Add("rows/-/1/3", now.Add(time.Duration(i-330)*10*time.Second), map[string]float64{"row 0": float64(i)})
	}
	store.Add("rows/-/1/3", now.Add(-2*time.Hour), map[string]float64{"row 0": -1})
	w := newWall(t, withHistory(store), false)
	_, got := w.askFor("/api/readings?sub=rows/-/1/3", "application/json")
	var reading struct{ Points map[string][][2]float64 }
	if err := json.Unmarshal([]byte(got), &reading); err != nil {
		t.Fatal(err)
	}
	points := reading.Points["row 0"]
	if len(points) != 301 || points[0][1] != 0 || points[299][1] != 299 || points[300][1] != 1 || len(reading.Points) != 3 {
		t.Fatalf("%d points of %d series, of the first %v; want 300 of before and one of now", len(points), len(reading.Points), points)
	}
	for i, p := range points[1:] {
		if p[0] <= points[i][0] {
			t.Fatalf("point %d at %v comes before the one at %v", i+1, p[0], points[i][0])
		}
	}
	_, got = w.askFor("/api/history?sub=rows/-/1/3&step=24h", "application/json")
	if !strings.Contains(got, `"row 1":[[`) {
		t.Errorf("what was polled is not remembered: %s", got)
	}
}

// withHistory is a wall of one feed that remembers.
func withHistory(store *history.Store) dashboard.Options {
	opts := options(&counting{})
	opts.History = store
	return opts
}
