package feeds

import (
	"errors"
	"hash/fnv"
	"time"
)

// errNothingYet is what a source that is pushed to says when there is nothing of it on this node.
var errNothingYet = errors.New("nothing was pushed yet")

// nothingYet is how that is told.
const nothingYet = "Nothing was pushed yet."

// pushedKept is how long other nodes keep what was pushed for one user. There is no end to users, as there is to feeds: what
// is for all is kept for as long as there is a node.
const pushedKept = 7 * 24 * time.Hour

// tickPushed does what is due of a poll whose records come by themselves: taking them from the source, or telling that
// they have become old. It has no interval.
func (s *Scheduler) tickPushed(p *poll, now time.Time) {
	p.spread = false
	switch {
	case p.queued || p.attempt != nil:
	case !p.woken.IsZero() || p.unknown():
		p.feed.waiting.push(p, now)
	default:
		if at := p.oldAt(); !at.IsZero() && !now.Before(at) {
			p.aged = true
			views := make(views)
			for _, e := range p.entries {
				s.publishTo(e, now, views)
			}
		}
		s.planPushed(p, now)
	}
}

// planPushed plans what is due next: a wake, the moment at which the records are too old, another look for what other nodes
// have. A poll that nobody wants stays for a MinGap, so that it cannot be made more often.
func (s *Scheduler) planPushed(p *poll, now time.Time) {
	if p.queued || p.attempt != nil {
		return
	}
	var at time.Time
	switch {
	case !p.woken.IsZero() && s.leaving:
		at = now
	case !p.woken.IsZero():
		at = p.gapEnds(now)
	case p.unknown() && p.pos > 0:
		return // it is planned
	case p.idle(now):
		at = p.gapEnds(now)
	case p.share != nil && !p.share.asked:
		at = now.Add(min(askAgain, p.feed.Interval/2))
	default:
		at = p.oldAt()
	}
	if at.IsZero() {
		s.due.remove(p)
		return
	}
	s.due.set(p, at)
}

// unknown says whether nobody was asked yet what there is of p.
func (p *poll) unknown() bool {
	return p.settled.IsZero() && !p.empty || p.share != nil && !p.share.asked
}

// oldAt is when the records of p become older than the feed allows; zero: never, or they are told as such.
func (p *poll) oldAt() time.Time {
	t := p.table
	if p.feed.MaxAge == 0 || t == nil || p.aged || p.failure != "" {
		return time.Time{}
	}
	newest := p.view("", nil).newest
	if age := p.asOf(t.at).Sub(newest); age <= p.feed.MaxAge {
		return t.at.Add(p.feed.MaxAge - age + time.Millisecond)
	}
	return time.Time{}
}

// bringAbroad makes the poll of what was pushed here and nobody wants here: on other nodes somebody may.
func (s *Scheduler) bringAbroad(f *feed, key pollKey, now time.Time) {
	if s.opts.Peers == nil || s.roomForPoll(f, now) != nil {
		return // it is in the source, for when it is wanted here
	}
	p := s.newPoll(key, f, now, false)
	p.touch(now)
	s.wakePoll(p, now)
}

// claimPushed says whether there is something here that the other nodes do not have, once they were asked.
func (s *Scheduler) claimPushed(p *poll) (version int64, mine bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.share.version, p.share.version == 0 || !p.woken.IsZero()
}

// finishEmpty is the end of an attempt that found nothing: who waits is told so at once.
func (s *Scheduler) finishEmpty(p *poll, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.attempt.settled {
		return // its time was over
	}
	p.attempt.settled = true
	p.feed.running--
	if !p.settled.IsZero() {
		return
	}
	p.empty, p.begun = true, time.Time{} // the first push need not wait for a gap to end
	for _, e := range p.entries {
		s.giveUp(e, now)
	}
}

// stamp gives a table the time at which its records were read, which is before now where they were pushed.
func (p *poll) stamp(t *table, now time.Time) {
	if t.at.IsZero() {
		t.at = now
	}
	if p.feed.desc.Pushed && p.feed.MaxAge > 0 && p.feed.TimeField == "" {
		t.newest = t.at // nothing else tells how old it is
	}
}

// apart keeps nodes that are pushed to in the same microsecond from giving two tables one version.
func (s *Scheduler) apart() int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(s.opts.Node))
	return int64(h.Sum32() % versionStep)
}
