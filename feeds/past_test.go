package feeds

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestPast fills the history of what is wanted with what something else remembers: once, in front of what was read here, and within bounds.
func TestPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		begin := time.Now()
		past := func(_ Subscription, before time.Time) map[string][]Point {
			asked++
			if before.Before(begin) || before.After(begin.Add(time.Second)) {
				t.Errorf("asked for what was before %v; want the first reading, at %v", before, begin)
			}
			points := make(map[string][]Point)
			for i := range historySeries + 20 {
				points[fmt.Sprint("series ", i)] = []Point{{At: begin.Add(-time.Minute), Value: 1}}
			}
			points["a"] = []Point{{At: begin.Add(-30 * time.Minute), Value: 1}, {At: begin.Add(-time.Second), Value: 2}, {At: begin.Add(time.Hour), Value: 9}}
			return points
		}
		s, err := NewScheduler([]Feed{{Name: "f", Source: tenRecords{}, Interval: time.Second}}, &nullSink{}, Options{Past: past})
		if err != nil {
			t.Fatal(err)
		}
		sub := Subscription{Feed: "f", Current: 1, Size: 10}
		if err := s.Pin(sub); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.wanted[sub].history.add(begin, map[string]float64{"a": 3})
		s.wanted[sub].history.add(begin.Add(time.Second), map[string]float64{"a": 4})
		s.mu.Unlock()
		for range 2 {
			got := s.History(sub, begin.Add(time.Minute))
			if a := fmt.Sprint(valuesOf(got["a"])); a != "[1 2 3 4]" || len(got) != historySeries {
				t.Errorf("History = %s in %d series; want [1 2 3 4] in %d", a, len(got), historySeries)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times; want once", asked)
		}
		if got := s.History(Subscription{Feed: "f", Current: 2, Size: 10}, begin); len(got) != 0 || asked != 1 {
			t.Errorf("History of what nobody wants = %v, asked %d times", got, asked)
		}
	})
}

func valuesOf(points []Point) (values []float64) {
	for _, p := range points {
		values = append(values, p.Value)
	}
	return values
}
