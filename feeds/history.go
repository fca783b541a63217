package feeds

import (
	"slices"
	"sort"
	"time"
)

// Bounds of the history of one subscription: 16 bytes a point, 100 series, one hour.
const (
	historySpan   = time.Hour
	historyPoints = 3600
	historySeries = 100
)

// history keeps the last hour of the values of one subscription. Its zero value is empty.
type history struct {
	series map[string][]sample
}

type sample struct {
	ms    int64
	value float64
}

func (h *history) add(at time.Time, values map[string]float64) {
	if len(values) == 0 {
		return
	}
	if h.series == nil {
		h.series = make(map[string][]sample, len(values))
	}
	now := at.UnixMilli()
	h.trim(now)
	for name, v := range values {
		if _, known := h.series[name]; !known && len(h.series) >= historySeries && !h.evict(now) {
			continue
		}
		s := h.series[name]
		for len(s) > 0 && s[len(s)-1].ms >= now {
			s = s[:len(s)-1] // the clock was set back
		}
		h.series[name] = append(s, sample{now, v})
	}
}

func (h *history) trim(now int64) {
	oldest := now - historySpan.Milliseconds()
	for name, s := range h.series {
		drop := sort.Search(len(s), func(i int) bool { return s[i].ms > oldest })
		drop = max(drop, len(s)-historyPoints+1)
		if drop >= len(s) {
			delete(h.series, name)
			continue
		}
		// Cutting in front is enough: append copies only what is left when it next grows.
		h.series[name] = s[drop:]
	}
}

// evict forgets the series that has been silent for longest, unless all have a value of now.
func (h *history) evict(now int64) bool {
	silent, last := "", now
	for name, s := range h.series {
		if at := s[len(s)-1].ms; at < last {
			silent, last = name, at
		}
	}
	delete(h.series, silent)
	return last < now
}

// until returns a copy of what is kept up to and including t.
func (h *history) until(t time.Time) map[string][]sample {
	ms := t.UnixMilli()
	out := make(map[string][]sample, len(h.series))
	for name, s := range h.series {
		if n := sort.Search(len(s), func(i int) bool { return s[i].ms > ms }); n > 0 {
			out[name] = slices.Clone(s[:n])
		}
	}
	return out
}

// History returns the points of the last hour of sub up to and including until, by series name. The caller must not change them.
func (s *Scheduler) History(sub Subscription, until time.Time) map[string][]Point {
	var kept map[string][]sample
	s.mu.Lock()
	if e := s.wanted[sub]; e != nil {
		kept = e.history.until(until)
	}
	s.mu.Unlock()
	out := make(map[string][]Point, len(kept))
	for name, samples := range kept {
		points := make([]Point, len(samples))
		for i, p := range samples {
			points[i] = Point{At: time.UnixMilli(p.ms).UTC(), Value: p.value}
		}
		out[name] = points
	}
	return out
}
