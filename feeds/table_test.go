package feeds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

type grade int

func (g grade) String() string { return fmt.Sprintf("grade %d", int(g)) }

type text2 string

func TestSanitize(t *testing.T) {
	one := 1
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	list := []any{nil}
	list[0] = list
	tests := []struct{ in, want any }{
		{nil, nil}, {true, true}, {7, 7}, {"ok", "ok"}, {1.5, 1.5},
		{math.NaN(), nil}, {math.Inf(-1), nil}, {float32(0.5), 0.5}, {float32(math.Inf(1)), nil},
		{"a\xffb", "a\uFFFDb"}, {[]byte("raw\xfe"), "raw\uFFFD"}, {text2("x"), "x"}, {grade(3), "grade 3"},
		{errors.New("boom"), "boom"}, {&one, 1}, {(*int)(nil), nil}, {json.Number("12"), int64(12)}, {json.Number("1.5"), 1.5}, {json.Number("x"), nil},
		{time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.FixedZone("", 3600)), "2026-01-02T02:04:05.678Z"},
		{[]float64{1, math.NaN()}, []any{1.0, nil}}, {Record{"a": math.NaN()}, map[string]any{"a": nil}},
		{make(chan int), "(chan int)"}, {struct{ A int }{1}, "(struct { A int })"},
	}
	for _, tt := range tests {
		rows := []Record{{"v": tt.in}}
		sanitize(rows)
		if got := rows[0]["v"]; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("sanitize(%#v) = %#v; want %#v", tt.in, got, tt.want)
		}
	}
	rows := []Record{nil, {"a": cyclic, "b": list, "bad\xffkey": 1}}
	sanitize(rows)
	if _, err := json.Marshal(rows); err != nil || rows[0] == nil {
		t.Errorf("json of %v: %v", rows, err)
	}
}

func TestSanitizeLeavesTheRecordsOfTheSourceAlone(t *testing.T) {
	source := []Record{{"v": math.NaN()}, {"v": 1}}
	got := newTable(Result{Records: source}, Query{}, true)
	if !math.IsNaN(source[0]["v"].(float64)) || got.records[0]["v"] != nil {
		t.Errorf("source has %v, table %v", source, got.records)
	}
}

func TestSentence(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "The source failed without saying why.",
		"dial tcp: refused\nat": "Dial tcp: refused.",
		" Done. ":               "Done.",
		"a\x00b\xff":            "A b\uFFFD.",
		"über":                  "Über.",
	} {
		if got := sentence(in); got != want {
			t.Errorf("sentence(%q) = %q; want %q", in, got, want)
		}
	}
	if got := sentence(strings.Repeat("ä", 1000)); utf8.RuneCountInString(got) != maxSentence {
		t.Errorf("a long one has %d characters; want %d", utf8.RuneCountInString(got), maxSentence)
	}
}

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, v := range []any{"2026-01-02T03:04:05Z", "2026-01-02 04:04:05+01:00", want.Unix(), want.UnixMilli(), float64(want.Unix()), fmt.Sprint(want.Unix()), uint32(want.Unix())} {
		if got, ok := parseTime(v); !ok || !got.Equal(want) {
			t.Errorf("parseTime(%#v) = %v, %t; want %v", v, got, ok, want)
		}
	}
	for _, v := range []any{nil, "", "soon", true, 1e300, "1e300", []any{1}} {
		if got, ok := parseTime(v); ok {
			t.Errorf("parseTime(%#v) = %v; want none", v, got)
		}
	}
}

func TestWrongResultsAreRepaired(t *testing.T) {
	rows := func(n int) []Record { return make([]Record, n) }
	tests := []struct {
		res            Result
		q              Query
		records, total int
	}{
		{Result{Records: rows(20), Total: 100}, Query{Limit: 10}, 10, 100},
		{Result{Records: rows(3), Total: -5}, Query{Limit: 10}, 3, 3},
		{Result{Records: rows(3), Total: 2}, Query{Offset: 10, Limit: 10}, 3, 13},
		{Result{Total: -1}, Query{Offset: 10, Limit: 10}, 0, 0},
		{Result{Total: 7}, Query{Offset: 10, Limit: 10}, 0, 7},
	}
	for _, tt := range tests {
		got := newTable(tt.res, tt.q, false)
		if len(got.records) != tt.records || got.total != tt.total {
			t.Errorf("newTable(%d records, total %d, %+v) has %d of %d; want %d of %d", len(tt.res.Records), tt.res.Total, tt.q, len(got.records), got.total, tt.records, tt.total)
		}
	}
}

func TestCut(t *testing.T) {
	records := []Record{{"i": 0}, {"i": 1}, {"i": 2}, {"i": 3}, {"i": 4}}
	tests := []struct{ current, size, first, n, pages int }{
		{1, 2, 0, 2, 3}, {3, 2, 4, 1, 3}, {4, 2, 0, 0, 3}, {1, 500, 0, 5, 1}, {2, 5, 0, 0, 1}, {MaxCurrent, MaxSize, 0, 0, 1},
	}
	for _, tt := range tests {
		got := cut(records, tt.current, tt.size)
		if got.Total != 5 || got.Pages != tt.pages || got.Records == nil || len(got.Records) != tt.n || tt.n > 0 && got.Records[0]["i"] != tt.first {
			t.Errorf("cut(%d, %d) = %+v; want %d from %d, %d pages", tt.current, tt.size, got, tt.n, tt.first, tt.pages)
		}
	}
	if got := cut(nil, 1, 10); got.Pages != 0 || got.Records == nil {
		t.Errorf("cut of nothing = %+v; want no pages, an empty list", got)
	}
}

func TestValues(t *testing.T) {
	page := &Page{Records: []Record{{"id": "a", "x": 1, "y": 2.5}, {"id": "b", "x": nil, "y": "3"}, {"x": 9}, {"id": "a", "x": 7}, {"id": 5, "x": uint8(4)}}}
	one := Description{ID: "id", Values: []string{"x"}}
	if got, want := one.values(page), map[string]float64{"a": 1, "5": 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("values = %v; want %v", got, want)
	}
	two := Description{ID: "id", Values: []string{"x", "y"}}
	if got, want := two.values(page), map[string]float64{"a x": 1, "a y": 2.5, "5 x": 4}; !reflect.DeepEqual(got, want) {
		t.Errorf("values = %v; want %v", got, want)
	}
	many := &Page{}
	for i := range 500 {
		many.Records = append(many.Records, Record{"id": i, "x": i})
	}
	if got := len(one.values(many)); got != historySeries {
		t.Errorf("%d series; want %d", got, historySeries)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 3 * 3600 {
		values := map[string]float64{"a": float64(i)}
		if i < 60 {
			values["gone"] = 1
		}
		h.add(t0.Add(time.Duration(i)*time.Second), values)
	}
	got := h.until(t0.Add(4 * time.Hour))
	if a := got["a"]; len(a) != 3600 || a[0].Value != 7200 || a[3599].Value != 3*3600-1 || cap(h.series["a"]) > 8000 {
		t.Errorf("%d points from %v, room for %d; want the last hour", len(a), a[0], cap(h.series["a"]))
	}
	if _, there := got["gone"]; there {
		t.Error("a series without points is kept")
	}
	if got := h.until(t0); len(got) != 0 {
		t.Errorf("until the start: %v", got)
	}
	for i := range 50 {
		values := make(map[string]float64)
		for j := range historySeries {
			values[fmt.Sprint(i, " ", j)] = 1
		}
		h.add(t0.Add(3*time.Hour+time.Duration(i)*time.Second), values)
	}
	if got := len(h.series); got != historySeries || h.series["49 99"] == nil {
		t.Errorf("%d series, the newest there: %t; want %d of the newest", got, h.series["49 99"] != nil, historySeries)
	}
}

func TestAgenda(t *testing.T) {
	t0 := time.Now()
	at := func(i int) time.Time { return t0.Add(time.Duration(i) * time.Second) }
	var a agenda[*entry]
	var all []*entry
	for i := range 100 {
		e := &entry{index: i}
		a.set(e, at(i*37%100))
		all = append(all, e)
	}
	a.remove(all[0])
	a.remove(all[0])
	a.set(all[1], at(500))
	last, n := time.Time{}, 0
	for {
		e, ok := a.pop(at(200))
		if !ok {
			break
		}
		if e.at.Before(last) || e.pos != 0 {
			t.Fatalf("%v after %v, pos %d", e.at, last, e.pos)
		}
		last, n = e.at, n+1
	}
	if n != 98 || a.next(at(490), time.Hour) != 10*time.Second || a.next(at(900), time.Hour) != 0 {
		t.Errorf("%d popped, next in %v; want 98, 10s", n, a.next(at(490), time.Hour))
	}
}

func TestNewSchedulerSaysWhatIsWrong(t *testing.T) {
	plain := &fakeSource{}
	whole := &fakeSource{Description: wholeTable}
	tests := []struct {
		feeds []Feed
		opts  Options
		want  string // part of the error; empty: none
	}{
		{[]Feed{{Name: "a", Source: plain}, {Name: "b", Source: whole, Interval: time.Hour, MaxAge: 1, TimeField: "t"}}, Options{}, ""},
		{[]Feed{{Name: "a b", Source: plain}}, Options{}, `feed "a b": wrong name: 1–64`},
		{[]Feed{{Name: "a", Source: plain}, {Name: "a", Source: plain}}, Options{}, `feed "a": the name is there twice`},
		{[]Feed{{Name: "a"}}, Options{}, `no source`},
		{[]Feed{{Name: "a", Source: plain, Interval: time.Millisecond}}, Options{}, `interval 1ms: 1s to 1h`},
		{[]Feed{{Name: "a", Source: plain, Interval: 2 * time.Hour}}, Options{}, `interval 2h0m0s: 1s to 1h`},
		{[]Feed{{Name: "a", Source: plain, MaxAge: -1}}, Options{}, `maxAge`},
		{[]Feed{{Name: "a", Source: plain, MaxAge: time.Minute}}, Options{}, `needs a time field`},
		{[]Feed{{Name: "a", Source: &fakeSource{Description: Description{Fields: []Field{{Name: "x"}}}}, TimeField: "t"}}, Options{}, `time field "t": one of x`},
		{[]Feed{{Name: "a", Source: &fakeSource{Description: Description{Values: []string{"x"}}}}}, Options{}, `Values need an ID`},
		{[]Feed{{Name: "a", Source: &fakeSource{Description: Description{Filters: []string{"x"}}}}}, Options{}, `Filters need the Whole`},
		{nil, Options{Interval: time.Millisecond}, `interval 1ms`},
		{nil, Options{Node: "a b"}, `node "a b"`},
		{[]Feed{{Name: "a", Source: plain, Interval: 5 * time.Hour}}, Options{Interval: 2 * time.Second}, ""},
	}
	for _, tt := range tests {
		s, err := NewScheduler(tt.feeds, newRecorder(t), tt.opts)
		if tt.want == "" {
			if err != nil {
				t.Errorf("NewScheduler = %v; want no error", err)
			} else if tt.opts.Interval != 0 && s.Feeds()[0].Interval != tt.opts.Interval {
				t.Errorf("interval %v; want %v", s.Feeds()[0].Interval, tt.opts.Interval)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("NewScheduler = %v; want %q", err, tt.want)
		}
	}
}

func TestResolve(t *testing.T) {
	s, err := NewScheduler([]Feed{
		{Name: "shared", Source: &fakeSource{Description: wholeTable}},
		{Name: "user", Source: &fakeSource{Description: Description{PerUser: true}}},
		{Name: "machine", Source: &fakeSource{Description: Description{PerNode: true}}},
	}, newRecorder(t), Options{Node: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		in, want string
		err      error
	}{
		{"shared/7", "shared/-/1/10", nil},
		{"shared;kind=odd", "shared/-/1/10;kind=odd", nil},
		{"user/7/2/20", "user/7/2/20", nil},
		{"machine", "machine@n1/-/1/10", nil},
		{"machine@n1", "machine@n1/-/1/10", nil},
		{"machine@n2", "", ErrUnknownFeed},
		{"none", "", ErrUnknownFeed},
		{"shared@n1", "", ErrBadSubscription},
		{"shared;value=1", "", ErrBadSubscription},
		{"user;kind=odd", "", ErrBadSubscription},
	}
	for _, tt := range tests {
		sub, err := ParseSubscription(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Resolve(sub)
		if !errors.Is(err, tt.err) || err == nil && got.String() != tt.want {
			t.Errorf("Resolve(%s) = %v, %v; want %s, %v", tt.in, got, err, tt.want, tt.err)
		}
	}
	if _, err := s.Resolve(Subscription{Feed: "shared", Size: 501}); !errors.Is(err, ErrBadSubscription) {
		t.Errorf("Resolve of size 501: %v", err)
	}
	if got, err := s.Resolve(Subscription{Feed: "user", UnionID: "+07"}); err != nil || got != (Subscription{Feed: "user", UnionID: "7", Current: 1, Size: 10}) {
		t.Errorf("Resolve = %+v, %v", got, err)
	}
}

func TestSourceSeesOnlyWhatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shape := func(context.Context, Query) (Result, error) {
			return Result{Records: []Record{nil, {"v": make(chan int)}}, Total: -3}, nil
		}
		whole := &fakeSource{Description: Description{Whole: true, PerUser: true}, PollFn: shape}
		paged := &fakeSource{PollFn: shape}
		r := startRig(t, Options{Interval: 2 * time.Second}, Feed{Name: "w", Source: whole}, Feed{Name: "p", Source: paged})
		w, _ := r.watch("w/7/3/20")
		p, _ := r.watch("p/7/3/20")
		time.Sleep(time.Second)
		r.stop()
		if got, want := whole.asked[0], (Query{UnionID: "7", Interval: 2 * time.Second}); got != want {
			t.Errorf("a Whole source is asked %+v; want %+v", got, want)
		}
		if got, want := paged.asked[0], (Query{Offset: 40, Limit: 20, Interval: 2 * time.Second}); got != want {
			t.Errorf("a paged source is asked %+v; want %+v", got, want)
		}
		for _, sub := range []Subscription{w, p} {
			if got := r.last(sub); got.Status != OK {
				t.Errorf("%s: %+v", sub, got)
			}
		}
	})
}
