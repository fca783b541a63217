package feeds

import (
	"fmt"
	"testing"
	"time"
)

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
	if a := got["a"]; len(a) != 3600 || a[0].value != 7200 || a[3599].value != 3*3600-1 || cap(h.series["a"]) > 8000 {
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

func TestHistoryFollowsAClockThatIsSetBack(t *testing.T) {
	var h history
	t0 := time.Now()
	for _, seconds := range []int{0, 10, 20, 5, 15} {
		h.add(t0.Add(time.Duration(seconds)*time.Second), map[string]float64{"a": float64(seconds)})
	}
	got := h.until(t0.Add(time.Minute))["a"]
	if len(got) != 3 || got[0].value != 0 || got[1].value != 5 || got[2].value != 15 {
		t.Errorf("points = %v; want 0, 5 and 15", got)
	}
}
