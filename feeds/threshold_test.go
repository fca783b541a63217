package feeds

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func bound(v float64) *float64 { return &v }

func TestThresholdStates(t *testing.T) {
	tests := []struct {
		name   string
		t      Threshold
		values []any // one every 10 s; nil: none
		want   string
	}{
		{"above", Threshold{Warn: bound(10), Crit: bound(20)}, []any{9.9, 10.0, 20.0, 15.0, 9.0}, "ok warn crit warn ok"},
		{"below", Threshold{Warn: bound(10), Crit: bound(5), Below: true}, []any{11.0, 10.0, 5.0, 7.0, 10.1}, "ok warn crit warn ok"},
		{"hysteresis", Threshold{Warn: bound(10), Crit: bound(20), Hysteresis: 2}, []any{20.0, 18.5, 18.0, 8.5, 8.0, 9.9}, "crit crit warn warn ok ok"},
		{"hysteresis below", Threshold{Crit: bound(5), Below: true, Hysteresis: 2}, []any{5.0, 6.9, 7.0, 5.5}, "crit crit ok ok"},
		{"for", Threshold{Warn: bound(10), For: 20 * time.Second}, []any{10.0, 11.0, 12.0, 9.0, 10.0}, "ok ok warn ok ok"},
		{"for starts again", Threshold{Warn: bound(10), For: 20 * time.Second, Hysteresis: 5}, []any{10.0, 9.0, 10.0, 10.0, 10.0, 6.0}, "ok ok ok ok warn warn"},
		{"for of each bound", Threshold{Warn: bound(10), Crit: bound(20), For: 20 * time.Second}, []any{10.0, 20.0, 20.0, 20.0, 15.0}, "ok ok warn crit warn"},
		{"no value", Threshold{Warn: bound(10), For: 10 * time.Second}, []any{10.0, nil, nil, 9.0}, "ok warn warn ok"},
		{"integers", Threshold{Crit: bound(3)}, []any{int64(2), 3, "9"}, "ok crit crit"},
	}
	for _, tt := range tests {
		now, before := time.Unix(1e9, 0), marks(nil)
		tt.t.Field = "v"
		var got []string
		for _, v := range tt.values {
			records := []Record{{"id": "a", "v": v}}
			before = judge([]Threshold{tt.t}, before, records, "id", now)
			got = append(got, records[0][StateField].(string))
			now = now.Add(10 * time.Second)
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: states of %v = %s; want %s", tt.name, tt.values, s, tt.want)
		}
	}
}

// TestNothingIsWellThatNobodyMeasured has no state where there is no value, unless one was bad before.
func TestNothingIsWellThatNobodyMeasured(t *testing.T) {
	limits := []Threshold{{Field: "v", Warn: bound(1)}, {Field: "absent", Warn: bound(1)}}
	records := []Record{{"id": "never", "v": nil}, {"id": "text", "v": "soon"}, {"id": "well", "v": 0.0}, {"id": "ill", "v": 1.0}}
	m := judge(limits, nil, records, "id", time.Unix(1e9, 0))
	again := []Record{{"id": "well"}, {"id": "ill"}}
	judge(limits, m, again, "id", time.Unix(1e9+10, 0))
	var got []any
	for _, r := range append(records, again...) {
		got = append(got, r[StateField])
	}
	if want := []any{nil, nil, "ok", "warn", nil, "warn"}; !reflect.DeepEqual(got, want) {
		t.Errorf("states = %v; want %v", got, want)
	}
}

func TestThresholdsRememberOnlyWhatIsThere(t *testing.T) {
	limits := []Threshold{{Field: "v", Warn: bound(1)}, {Field: "w", Crit: bound(1)}}
	now := time.Unix(1e9, 0)
	records := []Record{{"id": "a", "v": 1.0, "w": 0.0}, {"id": "b", "v": 0.0, "w": 2.0}, {"id": "c", "v": 0.0}}
	m := judge(limits, nil, records, "id", now)
	if len(m) != 2 || records[0][StateField] != "warn" || records[1][StateField] != "crit" || records[2][StateField] != "ok" {
		t.Errorf("%d marks, %v; want 2, and warn, crit, ok", len(m), records)
	}
	if m = judge(limits, m, []Record{{"id": "b", "w": 0.0}}, "id", now); len(m) != 0 {
		t.Errorf("marks of records that are gone or well: %v", m)
	}
}

func TestThresholdCheck(t *testing.T) {
	d := Description{ID: "id", Fields: []Field{{Name: "id"}, {Name: "v"}}}
	tests := []struct {
		t   Threshold
		key string
	}{
		{Threshold{Warn: bound(1)}, "field"},
		{Threshold{Field: "x", Warn: bound(1)}, "field"},
		{Threshold{Field: "v"}, "warn"},
		{Threshold{Field: "v", Warn: bound(2), Crit: bound(1)}, "crit"},
		{Threshold{Field: "v", Warn: bound(1), Crit: bound(2), Below: true}, "crit"},
		{Threshold{Field: "v", Warn: bound(1), Hysteresis: -1}, "hysteresis"},
		{Threshold{Field: "v", Warn: bound(1), Hysteresis: math.NaN()}, "hysteresis"},
		{Threshold{Field: "v", Warn: bound(math.NaN())}, "warn"},
		{Threshold{Field: "v", Crit: bound(math.Inf(1))}, "crit"},
		{Threshold{Field: "v", Warn: bound(1), For: 25 * time.Hour}, "for"},
	}
	for _, tt := range tests {
		var wrong *OptionError
		if err := tt.t.Check(d); !errors.As(err, &wrong) || wrong.Key != tt.key {
			t.Errorf("Check(%+v) = %v; want a mistake of %s", tt.t, err, tt.key)
		}
	}
	for _, good := range []Threshold{
		{Field: "v", Warn: bound(1), Crit: bound(2)}, {Field: "v", Warn: bound(2), Crit: bound(1), Below: true},
		{Field: "v", Crit: bound(0)}, {Field: "v", Warn: bound(1), Crit: bound(1)},
	} {
		if err := good.Check(d); err != nil {
			t.Errorf("Check(%+v) = %v; want nil", good, err)
		}
	}
}

// TestStatesSurviveTheNodeThatPolls has a second node go on where the first one left.
func TestStatesSurviveTheNodeThatPolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &fakeSource{Description: wholeTable, PollFn: func(context.Context, Query) (Result, error) {
			return Result{Records: []Record{{"id": "x", "value": 5.0}}}, nil
		}}
		feed := Feed{Name: "a", Source: src, Thresholds: []Threshold{{Field: "value", Crit: bound(5), For: 35 * time.Second}}}
		nodes := m.joinAll(2, feed)
		sub := watchAll(nodes, 1, "a")
		time.Sleep(25 * time.Second)
		if got := nodes[1].last(sub).Page.Records[0][StateField]; got != "ok" {
			t.Errorf("state after 25 s = %v; want ok", got)
		}
		nodes[0].stop()
		time.Sleep(20 * time.Second)
		if got := nodes[1].last(sub).Page.Records[0][StateField]; got != "crit" {
			t.Errorf("state after 45 s on the other node = %v; want crit", got)
		}
	})
}

func TestMarksTravel(t *testing.T) {
	at := time.UnixMicro(1e15)
	o := outcome{settled: at, table: &table{at: at, asOf: at, records: []Record{}, marks: marks{"0 a": {Warn: at}, "0 b": {Warn: at, Crit: at}}}}
	got, err := decode(o.encode(time.Second), -time.Second)
	if err != nil || !reflect.DeepEqual(got.table.marks, o.table.marks) {
		t.Errorf("marks arrive as %v, %v; want %v", got.table.marks, err, o.table.marks)
	}
	if plain := (outcome{settled: at, table: &table{at: at}}).encode(0); !json.Valid(plain) || strings.Contains(string(plain), "marks") {
		t.Errorf("a table without marks is %s; want nothing of them", plain)
	}
}

func TestFeedThatNeedsAUnionID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{}, Feed{Name: "a", Source: &fakeSource{Description: Description{PerUser: true}}, NeedsUnionID: true})
		defer r.stop()
		_, err := r.Resolve(Subscription{Feed: "a"})
		if !errors.Is(err, ErrBadSubscription) || !strings.Contains(err.Error(), "feed a without a unionId") {
			t.Errorf("Resolve = %v; want that a unionId is needed", err)
		}
		if sub := r.resolve("a/7"); sub.UnionID != "7" {
			t.Errorf("Resolve(a/7) = %s", sub)
		}
	})
}
