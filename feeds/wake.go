package feeds

import (
	"time"
)

// Bounds of a feed's MinGap; it is not longer than the interval either.
const (
	DefaultMinGap  = 250 * time.Millisecond
	ShortestMinGap = 100 * time.Millisecond
)

// wakeAttempt is the attempt that a wake claims, beside those that are counted by intervals.
const wakeAttempt = -1

// wake has the polls of f happen before they are due, because the source has something new: those of one user, or all of
// them where unionID is empty. Those of a poll begin a MinGap apart, the last one at its end.
func (s *Scheduler) wake(f *feed, unionID string) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.desc.Whole && (unionID != "" || !f.desc.PerUser) {
		key := pollKey{Feed: f.Name, UnionID: unionID}
		if !f.desc.PerUser {
			key.UnionID = ""
		}
		if f.desc.PerNode {
			key.Node = s.opts.Node
		}
		if p := s.polls[key]; p != nil {
			s.wakePoll(p, now)
		} else if f.desc.Pushed {
			s.bringAbroad(f, key, now)
		}
		return
	}
	for key, p := range f.polls {
		if unionID == "" || !f.desc.PerUser || key.UnionID == unionID {
			s.wakePoll(p, now)
		}
	}
}

// wakePoll has one poll happen soon. What is asked for while an attempt runs is done after it: the source may have been
// read already.
func (s *Scheduler) wakePoll(p *poll, now time.Time) {
	p.woken = now
	s.planWoken(p, now)
	s.ring()
}

// planWoken plans the poll that a wake asked for. The node that polled last goes first; the others only where it did not.
func (s *Scheduler) planWoken(p *poll, now time.Time) {
	if p.feed.desc.Pushed {
		s.planPushed(p, now)
		return
	}
	if p.woken.IsZero() || p.idle(now) || p.attempt != nil || p.queued {
		return
	}
	if p.failure != "" && !p.heals {
		return // the next poll is due when it is: a source that fails is not asked more often for being told of more
	}
	at := p.gapEnds(now)
	if sh := p.share; sh != nil {
		switch {
		case sh.by == otherNode || sh.wakeLost && sh.wakeOf == sh.version:
			return
		case sh.by == anyNode && (!sh.mine && sh.version != 0 || sh.doubt):
			at = at.Add(headStart)
		}
	}
	if p.pos == 0 || at.Before(p.at) {
		s.due.set(p, at)
	}
}

// heal has a wake end the failure of whatever polls of f there are: the source itself has something to say since it runs.
func (s *Scheduler) heal(f *feed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range f.polls {
		p.heals = true
	}
}

// gapEnds is when a poll that was woken may begin.
func (p *poll) gapEnds(now time.Time) time.Time {
	if at := p.begun.Add(p.feed.MinGap); at.After(now) {
		return at
	}
	return now
}

// answered notes that the source was read since the given time: what was asked for before that is done.
func (p *poll) answered(begun time.Time) {
	p.begun = begun
	if !begun.Before(p.woken) {
		p.woken = time.Time{}
	}
}
