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

// Past returns the values of a subscription in the hour before a moment, in order, as something else remembers them. It may read a file.
type Past func(sub Subscription, before time.Time) map[string][]Point

// history keeps the last hour of the values of one subscription. Its zero value is empty.
type history struct {
	series   map[string][]sample
	first    int64 // of the samples of this process; 0: there is none yet
	recalled bool  // what is known from before stands in front
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
	if h.first == 0 {
		h.first = now
	}
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

// recall puts what is known from before in front.
func (h *history) recall(past map[string][]Point) {
	h.recalled = true
	if h.series == nil {
		h.series = make(map[string][]sample, len(past))
	}
	for name, points := range past {
		own, known := h.series[name]
		if !known && len(h.series) >= historySeries || len(points) == 0 {
			continue
		}
		s := make([]sample, 0, len(points)+len(own))
		for _, p := range points {
			if ms := p.At.UnixMilli(); len(own) == 0 || ms < own[0].ms {
				s = append(s, sample{ms, p.Value})
			}
		}
		h.series[name] = append(s, own...)
	}
}

// remember asks for what is known of sub from before, once, when somebody wants to see it.
func (s *Scheduler) remember(sub Subscription, until time.Time) {
	if s.opts.Past == nil {
		return
	}
	s.mu.Lock()
	e := s.wanted[sub]
	ask := e != nil && !e.history.recalled
	if ask && e.history.first != 0 {
		until = time.UnixMilli(e.history.first)
	}
	s.mu.Unlock()
	if !ask {
		return
	}
	past := s.opts.Past(sub, until)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !e.history.recalled { // else another request was faster
		e.history.recall(past)
	}
}

// History returns the points of the last hour of sub up to and including until, by series name. The caller must not change them.
func (s *Scheduler) History(sub Subscription, until time.Time) map[string][]Point {
	s.remember(sub, until)
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
