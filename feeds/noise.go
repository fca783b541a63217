package feeds

import "math"

// Chance that is the same for everybody: each function here depends on its arguments alone, so that all nodes, and a
// node after a restart, make up the same data.

// mix makes a well spread number of several.
func mix(parts ...uint64) uint64 {
	h := uint64(0x51_7c_c1_b7_27_22_0a_95)
	for _, p := range parts {
		h = (h ^ p) * 0x9e3779b97f4a7c15
		h ^= h >> 29
		h *= 0xbf58476d1ce4e5b9
		h ^= h >> 32
	}
	return h
}

// uniform is between 0 and 1.
func uniform(parts ...uint64) float64 {
	return float64(mix(parts...)>>11) / (1 << 53)
}

// gauss has mean 0 and deviation 1, and is never beyond ±3.5: the sum of four even chances.
func gauss(parts ...uint64) float64 {
	h := mix(parts...)
	var sum float64
	for range 4 {
		sum += float64(h&0xffff) / 0xffff
		h >>= 16
	}
	return (sum - 2) * math.Sqrt(3)
}

// walk is a random walk that returns to 0 again and again. It meets a chance value of deviation 1 at the end of each
// block of seconds and wanders in between, rough times as far as a straight line would.
func walk(seed uint64, t, block, rough float64) float64 {
	k := math.Floor(t / block)
	x := t/block - k
	from, to := gauss(seed, uint64(int64(k))), gauss(seed, uint64(int64(k)+1))
	return from + (to-from)*x + rough*bridge(mix(seed, uint64(int64(k)), 1), x)
}

// bridge is a Brownian path from 0 to 0 over x from 0 to 1, made by halving the way.
func bridge(seed uint64, x float64) float64 {
	const depth = 14
	var from, to float64
	width, node := 1.0, uint64(1)
	for range depth {
		width /= 2
		middle := (from+to)/2 + math.Sqrt(width/2)*gauss(seed, node)
		if x < 0.5 {
			to, x, node = middle, x*2, node*2
		} else {
			from, x, node = middle, x*2-1, node*2+1
		}
	}
	return from + (to-from)*x
}
