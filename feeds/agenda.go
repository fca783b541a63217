package feeds

import (
	"container/heap"
	"time"
)

// slot is the place of a thing in an agenda.
type slot struct {
	at  time.Time
	pos int // from 1; 0: not in the agenda
}

func (s *slot) place() *slot { return s }

// agenda orders things by time. It costs nothing for those whose time has not come.
type agenda[T interface{ place() *slot }] struct{ heap places[T] }

// set puts x at the given time, whether or not it is there already.
func (a *agenda[T]) set(x T, at time.Time) {
	p := x.place()
	p.at = at
	if p.pos > 0 {
		heap.Fix(&a.heap, p.pos-1)
		return
	}
	heap.Push(&a.heap, x)
}

func (a *agenda[T]) remove(x T) {
	if p := x.place(); p.pos > 0 {
		heap.Remove(&a.heap, p.pos-1)
	}
}

// pop takes out the first thing whose time has come.
func (a *agenda[T]) pop(now time.Time) (x T, ok bool) {
	if len(a.heap) == 0 || a.heap[0].place().at.After(now) {
		return x, false
	}
	return heap.Pop(&a.heap).(T), true
}

// next returns how long it is until the first thing, limit at most.
func (a *agenda[T]) next(now time.Time, limit time.Duration) time.Duration {
	if len(a.heap) == 0 {
		return limit
	}
	return min(limit, max(0, a.heap[0].place().at.Sub(now)))
}

// places is the heap of an agenda.
type places[T interface{ place() *slot }] []T

func (p places[T]) Len() int           { return len(p) }
func (p places[T]) Less(i, j int) bool { return p[i].place().at.Before(p[j].place().at) }

func (p places[T]) Swap(i, j int) {
	p[i], p[j] = p[j], p[i]
	p[i].place().pos, p[j].place().pos = i+1, j+1
}

func (p *places[T]) Push(x any) {
	*p = append(*p, x.(T))
	x.(T).place().pos = len(*p)
}

func (p *places[T]) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	var none T
	(*p)[last] = none
	*p = (*p)[:last]
	x.place().pos = 0
	return x
}
