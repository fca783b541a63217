package feeds

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hotSource gives two records, one of which has the value that poll n is to have.
func hotSource(values []any, desc Description) *fakeSource {
	s := &fakeSource{Description: desc}
	s.PollFn = func(context.Context, Query) (Result, error) {
		n := min(s.count(), len(values)) - 1
		if err, ok := values[n].(error); ok {
			return Result{}, err
		}
		return Result{Records: []Record{{"id": "a", "name": "North", "v": values[n]}, {"id": "b", "v": 1.0}}, Total: 2}, nil
	}
	return s
}

var hot = Description{
	Whole: true, ID: "id", Label: "name", Values: []string{"v"},
	Fields: []Field{{Name: "id"}, {Name: "name"}, {Name: "v", Unit: "°C"}},
}

// TestVerdicts has each good poll judged, and no other.
func TestVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []Verdict
		source := hotSource([]any{70.0, 95.0, errors.New("away"), nil, 85.0, 20.0}, hot)
		f := Feed{Name: "hot", Source: source, Thresholds: []Threshold{{Field: "v", Warn: bound(80), Crit: bound(90)}}, AlertFor: []string{""}}
		s := startRig(t, Options{Judged: func(v Verdict) { got = append(got, v) }}, f)
		subs := s.Alerting()
		if len(subs) != 1 || subs[0].String() != "hot/-/1/1" {
			t.Fatalf("Alerting = %v; want hot/-/1/1", subs)
		}
		if err := s.Pin(subs[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(DefaultInterval * 6) // the first poll has its place in the first interval
		synctest.Wait()
		var states []string
		for i, v := range got {
			states = append(states, stateOf(v))
			if v.Sub.Feed != "hot" || v.At.IsZero() || i > 0 && v.Version <= got[i-1].Version {
				t.Errorf("verdict %d: %+v; want that of hot, newer than the one before", i, v)
			}
		}
		if s := strings.Join(states, ", "); s != "none, crit 95 of 90, crit nil of 90, warn 85 of 80, none" {
			t.Errorf("verdicts: %s", s)
		}
		if value, there := got[0].Value("a", "v"); !there || *value != 70 {
			t.Errorf("Value of a = %v, %v; want 70", value, there)
		}
		if value, there := got[0].Value("c", "v"); there || value != nil {
			t.Errorf("Value of c = %v, %v; want that it is not there", value, there)
		}
		if f := got[1].Beyond[0]; f.Label != "North" || f.Unit != "°C" || f.Record != "a" || f.Since.IsZero() {
			t.Errorf("finding %+v; want the label, the unit and since when", f)
		}
	})
}

func stateOf(v Verdict) string {
	if len(v.Beyond) == 0 {
		return "none"
	}
	f := v.Beyond[0]
	value := "nil"
	if f.Value != nil {
		value = text(*f.Value)
	}
	return string(f.State) + " " + value + " of " + text(f.Bound)
}

// TestAlertsRefused names what is wrong with alerts of what is never judged.
func TestAlertsRefused(t *testing.T) {
	limits := []Threshold{{Field: "v", Warn: bound(80)}}
	own := hot
	own.PerUser = true
	for _, tt := range []struct {
		feed Feed
		want string
	}{
		{Feed{Source: hotSource(nil, hot), AlertFor: []string{""}}, "thresholds"},
		{Feed{Source: hotSource(nil, hot), AlertFor: []string{"7"}, Thresholds: limits}, "the same for all users"},
		{Feed{Source: hotSource(nil, own), AlertFor: []string{""}, Thresholds: limits, NeedsUnionID: true}, "each user's own"},
		{Feed{Source: hotSource(nil, own), AlertFor: []string{"07"}, Thresholds: limits}, "64-bit"},
	} {
		tt.feed.Name = "hot"
		if _, err := NewScheduler([]Feed{tt.feed}, nil, Options{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("NewScheduler = %v; want an error with %q", err, tt.want)
		}
	}
}
