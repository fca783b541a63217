package history

import "time"

// level is one resolution in which values are kept. Its cells start at multiples of width since 1970, its chunks at multiples of span.
type level struct {
	name  string        // of its bucket
	width time.Duration // of a cell
	keep  time.Duration
	span  time.Duration // of a chunk: what is read and written at a time
}

// levels are all resolutions, the finest first. Each width divides the next one, and each its span.
var levels = [...]level{
	{"10s", 10 * time.Second, 6 * time.Hour, time.Hour},
	{"1m", time.Minute, 7 * 24 * time.Hour, 6 * time.Hour},
	{"10m", 10 * time.Minute, 90 * 24 * time.Hour, 24 * time.Hour},
}

// Width is the time that the finest cells take.
const Width = 10 * time.Second

// floor is the greatest multiple of d that is not after ms.
func floor(ms int64, d time.Duration) int64 {
	step := d.Milliseconds()
	rest := ms % step
	if rest < 0 {
		rest += step
	}
	return ms - rest
}
