//go:build linux

package clients

import (
	"math/bits"
	"time"
)

const (
	parts   = 128 // of each doubling: values are held to a part in a hundred
	buckets = 57 * parts
)

// histogram counts durations. One goroutine uses it.
type histogram struct {
	counts  [buckets + parts]uint64
	total   uint64
	longest time.Duration
}

func (h *histogram) add(d time.Duration) {
	v := uint64(max(d, 0))
	h.longest = max(h.longest, d)
	h.total++
	doubling := max(bits.Len64(v)-8, 0)
	h.counts[doubling*parts+int(v>>doubling)]++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
	h.longest = max(h.longest, other.longest)
}

// at returns the duration below which the given part of them lies.
func (h *histogram) at(part float64) time.Duration {
	left := uint64(part * float64(h.total))
	for i, n := range h.counts {
		if left < n {
			if i < parts {
				return time.Duration(i)
			}
			doubling := i/parts - 1
			return min(time.Duration((i%parts+parts)<<doubling), h.longest)
		}
		left -= n
	}
	return h.longest
}
