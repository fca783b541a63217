package feeds

import (
	"hash/fnv"
	"strconv"
	"time"
)

// Circuit says whether a source that fails is left alone for longer than an interval.
type Circuit string

// The circuits.
const (
	CircuitClosed Circuit = ""     // it is asked at every interval
	CircuitOpen   Circuit = "open" // it failed too often in a row, and is asked less often until it answers
)

// patience is how many failures in a row leave the interval as it is: what was started again is soon seen to be back.
const patience = 4

// pauses are how many intervals a source is left alone after each failure more, the last of them for as long as it fails.
var pauses = [...]int{2, 3, 5}

// spare is the part of a pause by which it may be shorter, so that those of many polls do not end together.
const spare = 10

// circuit is that of p after its newest attempt.
func (p *poll) circuit() Circuit {
	if p.failures > patience && !p.feed.desc.Pushed {
		return CircuitOpen
	}
	return CircuitClosed
}

// gap is how long after the start of the newest attempt the next one starts: an interval while the circuit is closed.
func (p *poll) gap() time.Duration { return p.gapAfter(p.failures) }

// gapAfter is the gap after so many failures in a row. It is the same on all nodes.
func (p *poll) gapAfter(failures int) time.Duration {
	if failures <= patience || p.feed.desc.Pushed {
		return p.feed.Interval
	}
	pause := p.feed.Interval * time.Duration(pauses[min(failures-patience, len(pauses))-1])
	h := fnv.New64a()
	_, _ = h.Write([]byte(p.key.name(p.feed) + "#" + strconv.Itoa(failures)))
	return pause - time.Duration(h.Sum64()%uint64(pause/spare))
}

// rests plans the next attempt after the pause, where the circuit is open, of a poll that has no part in turns. The newest attempt started
// at the given time.
func (s *Scheduler) rests(p *poll, started time.Time) {
	if p.circuit() == CircuitOpen {
		s.due.set(p, started.Add(p.gap()))
	}
}

// kept is how long claims and tables of p are kept after so many failures in a row; 0: without end.
func (p *poll) kept(failures int) time.Duration {
	f := p.feed
	switch {
	case f.desc.Pushed && f.desc.PerUser:
		return pushedKept
	case f.desc.Pushed:
		return 0
	}
	return max(leastKept, p.gapAfter(failures)+3*f.Interval)
}

// keep is how long a subscription stays wanted after it was last named.
func (p *poll) keep() time.Duration { return p.gap() + 2*p.feed.Interval }

// Circuits returns, by feed, how many of its polls have an open circuit.
func (s *Scheduler) Circuits() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := make(map[string]int, len(s.feeds))
	for name, f := range s.feeds {
		open[name] = 0
		for _, p := range f.polls {
			if p.circuit() == CircuitOpen {
				open[name]++
			}
		}
	}
	return open
}
