package history

import (
	"math"
	"slices"
	"sort"
	"time"
)

// Cell sums up the values of one series in one stretch of time.
type Cell struct {
	At             int64 // Unix milliseconds of its start
	Min, Mean, Max float64
	Count          int // of values
}

// Block is the cells of a subscription by series, in the order of time.
type Block map[string][]Cell

// mostSeries bounds the series of a subscription in one chunk. A reading has a fifth of that at most.
const mostSeries = 500

// merge adds the values of b, which are others of the same time.
func (c *Cell) merge(b Cell) {
	n := c.Count + b.Count
	c.Mean += (b.Mean - c.Mean) * (float64(b.Count) / float64(n))
	c.Min, c.Max, c.Count = min(c.Min, b.Min), max(c.Max, b.Max), n
	c.Mean = min(max(c.Mean, c.Min), c.Max) // where rounding or a huge spread led out of the bounds
	if math.IsNaN(c.Mean) {
		c.Mean = c.Min
	}
}

// add takes a cell. It returns how many there are more, and false where it would be of a series too many: of those, whichever was silent
// for longest makes room.
func (b Block) add(series string, c Cell) (more int, ok bool) {
	list, known := b[series]
	if !known && len(b) >= mostSeries {
		silent := b.silent(c.At)
		if silent == "" {
			return 0, false
		}
		more = -len(b[silent])
		delete(b, silent)
	}
	switch n := len(list); {
	case n == 0 || list[n-1].At < c.At:
		b[series] = append(list, c)
		return more + 1, true
	case list[n-1].At == c.At:
		list[n-1].merge(c)
		return 0, true
	}
	i, found := slices.BinarySearchFunc(list, c.At, func(c Cell, at int64) int { return int(min(max(c.At-at, -1), 1)) })
	if found { // the clock was set back
		list[i].merge(c)
		return 0, true
	}
	b[series] = slices.Insert(list, i, c)
	return 1, true
}

// silent is the series that has been silent for longest; empty: none was before at.
func (b Block) silent(at int64) (silent string) {
	for series, list := range b {
		if last := list[len(list)-1].At; last < at {
			silent, at = series, last
		}
	}
	return silent
}

// fold adds all of other, in cells of the given width, and returns how many there are more.
func (b Block) fold(other Block, width time.Duration) (more int) {
	for series, list := range other {
		for _, c := range list {
			c.At = floor(c.At, width)
			n, _ := b.add(series, c)
			more += n
		}
	}
	return more
}

// split cuts a block into those of its chunks, by their start.
func (b Block) split(span time.Duration) map[int64]Block {
	parts := make(map[int64]Block)
	for series, list := range b {
		for len(list) > 0 {
			start := floor(list[0].At, span)
			end := start + span.Milliseconds()
			n := sort.Search(len(list), func(i int) bool { return list[i].At >= end })
			if parts[start] == nil {
				parts[start] = make(Block)
			}
			parts[start][series] = list[:n]
			list = list[n:]
		}
	}
	return parts
}

// between is the part from one moment on until before another. It shares the cells.
func (b Block) between(from, to int64) Block {
	out := make(Block, len(b))
	for series, list := range b {
		i := sort.Search(len(list), func(i int) bool { return list[i].At >= from })
		j := sort.Search(len(list), func(i int) bool { return list[i].At >= to })
		if i < j {
			out[series] = list[i:j:j]
		}
	}
	return out
}

// Join adds what another node saw of the same subscription, in cells of the same step: where both saw the same moment, the mean is
// that of whoever saw more of it.
func (b Block) Join(other Block) {
	for series, theirs := range other {
		ours := b[series]
		joined := make([]Cell, 0, len(ours)+len(theirs))
		for len(ours) > 0 && len(theirs) > 0 {
			switch a, c := ours[0], theirs[0]; {
			case a.At < c.At:
				joined, ours = append(joined, a), ours[1:]
			case a.At > c.At:
				joined, theirs = append(joined, c), theirs[1:]
			default:
				most := a
				if c.Count > a.Count {
					most = c
				}
				most.Min, most.Max = min(a.Min, c.Min), max(a.Max, c.Max)
				joined, ours, theirs = append(joined, most), ours[1:], theirs[1:]
			}
		}
		b[series] = append(append(joined, ours...), theirs...)
	}
}
