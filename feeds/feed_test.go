package feeds

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

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

// TestFilterWithoutMatches holds that a filter that nothing matches is as old as the table, and no older.
func TestFilterWithoutMatches(t *testing.T) {
	now := time.Now()
	f := &feed{Feed: Feed{MaxAge: time.Minute, TimeField: "time"}, desc: Description{Whole: true}}
	p := &poll{feed: f, outcome: outcome{table: newTable(Result{Records: []Record{{"kind": "a", "time": now.UTC().Format(time.RFC3339)}}}, Query{}, true)}}
	p.table.at = now
	r := p.reading(&entry{sub: Subscription{Current: 1, Size: 10, Params: "kind=b"}, poll: p}, now, make(views))
	if r.Status != OK || len(r.Page.Records) != 0 {
		t.Errorf("status %s %s with %d records; want ok with none", r.Status, r.Reason, len(r.Page.Records))
	}
}
