package cluster

import "time"

// clock estimates how far a node's clock is from one's own: the smallest difference seen between the time on a thing that
// it sent and the time of receipt, over the last minutes, since clocks are also set.
type clock struct {
	since        time.Time
	now, before  time.Duration // the smallest of this window and of the one before
	known, older bool
}

const clockWindow = 5 * time.Minute

func (c *clock) sample(at time.Time, difference time.Duration) {
	if c.known && at.Sub(c.since) > clockWindow {
		c.before, c.older, c.known = c.now, true, false
	}
	if !c.known {
		c.since, c.now, c.known = at, difference, true
	}
	c.now = min(c.now, difference)
}

func (c *clock) shift() (time.Duration, bool) {
	if c.older {
		return min(c.now, c.before), true
	}
	return c.now, c.known
}
