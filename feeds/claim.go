package feeds

import (
	"context"
	"time"
)

// turn returns which attempt to replace the newest outcome has its turn now, and since when. Attempts are counted by
// whole intervals since the outcome was due to be replaced, so that each is made once, however late a node comes.
func (p *poll) turn(now time.Time) (n int, start time.Time) {
	n = max(0, int(now.Sub(p.share.due)/p.feed.Interval))
	return n, p.share.due.Add(time.Duration(n) * p.feed.Interval)
}

// following is when this node may try next, after now: at once in the turn of an attempt if it polled last, else when
// that node has had its chance. One whose claims get lost comes after the others, lest it take what nobody then does; so does
// one whose poll failed, for another may reach the source.
func (p *poll) following(now time.Time) time.Time {
	_, at := p.turn(now)
	if !now.Before(p.share.due) {
		at = at.Add(p.feed.Interval)
	}
	switch sh := p.share; {
	case sh.doubt:
		at = at.Add(2 * headStart)
	case !sh.mine && sh.version != 0:
		at = at.Add(headStart)
	}
	return at
}

// tickShared tries for the attempt whose turn it is. The next one is planned at once; what comes meanwhile moves it.
func (s *Scheduler) tickShared(p *poll, now time.Time) {
	sh := p.share
	if sh.due.IsZero() {
		sh.due = now
	}
	p.spread = false
	stuck := p.attempt != nil && p.attempt.settled
	if _, start := p.turn(now); stuck && now.Before(start.Add(2*headStart)) {
		s.due.set(p, start.Add(2*headStart)) // the source may answer to other nodes
		return
	}
	s.due.set(p, p.following(now))
	switch {
	case now.Before(sh.due) && p.woken.IsZero() || p.queued || p.attempt != nil && !stuck:
	case sh.by == otherNode:
		s.errand(p, s.lookAbroad)
	case stuck:
		s.errand(p, s.sayStuck)
	default:
		p.feed.waiting.push(p, now)
	}
}

// errand has something done for p that may take its time, one thing at a time. p is not forgotten meanwhile.
func (s *Scheduler) errand(p *poll, do func(context.Context, *poll)) {
	if p.share.busy {
		return
	}
	p.share.busy = true
	s.errands = append(s.errands, func(ctx context.Context) {
		do(ctx, p)
		s.mu.Lock()
		p.share.busy = false
		s.leave(p)
		s.mu.Unlock()
		s.ring()
	})
}

// begin says whether the attempt is this node's to make.
func (s *Scheduler) begin(ctx context.Context, p *poll) bool {
	if p.share == nil {
		return true
	}
	version, mine := s.claim(ctx, p)
	s.mu.Lock()
	defer s.mu.Unlock()
	p.attempt.version = version
	return mine
}

// claim asks the other nodes whether this one may replace the version that it returns. When nobody knows, it may not:
// there is another attempt in an interval.
func (s *Scheduler) claim(ctx context.Context, p *poll) (version int64, mine bool) {
	sh := p.share
	version, attempt, due := s.turn(p)
	if sh.by == thisNode {
		return version, true
	}
	s.mu.Lock()
	asked, keep := sh.asked, p.kept(p.failures)
	s.mu.Unlock()
	if sh.by == receiver {
		if !asked {
			s.askNewest(ctx, p)
		}
		return s.claimPushed(p)
	}
	if !asked || attempt > 0 {
		if !s.askNewest(ctx, p) { // what others may have must not be polled for
			s.tryAgain(p)
			return version, false
		}
		version, attempt, due = s.turn(p)
	}
	if !due || ctx.Err() != nil {
		return version, false
	}
	call, cancel := p.feed.call(ctx, longestAsk)
	mine, err := s.opts.Peers.Claim(call, sh.name, version, attempt, keep)
	cancel()
	if err != nil {
		s.askNewest(ctx, p)
	}
	return version, s.claimed(p, claim{version, attempt}, mine, err)
}

// turn returns what is to be replaced, by which attempt, and whether its time has come.
func (s *Scheduler) turn(p *poll) (version int64, attempt int, due bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt, _ = p.turn(now)
	if due = !now.Before(p.share.due); !due && !p.woken.IsZero() {
		return p.share.version, wakeAttempt, true
	}
	return p.share.version, attempt, due
}

// claim is what was claimed.
type claim struct {
	version int64
	attempt int
}

// claimed says whether to poll, after a claim, and if not, plans when to try again.
func (s *Scheduler) claimed(p *poll, c claim, mine bool, err error) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	woken := c.attempt == wakeAttempt
	if woken && !mine {
		p.share.wakeLost, p.share.wakeOf = true, c.version
	}
	switch {
	case p.share.version != c.version: // there is a newer one meanwhile, and the next try is planned
		return false
	case err != nil:
		p.share.doubt = true
		s.due.set(p, p.following(now))
		return false
	case !mine && woken: // its poll is none of those that are counted, and may end after the next of these is due
		s.due.set(p, later(p.following(now), now.Add(p.feed.timeout())))
	case !mine: // who has it may have it since just now, and needs the time that a poll takes
		s.due.set(p, p.following(now.Add(p.feed.timeout())))
	}
	return mine
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// tryAgain plans another try soon, unless what came meanwhile has planned one.
func (s *Scheduler) tryAgain(p *poll) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !now.Before(p.share.due) {
		s.due.set(p, now.Add(min(askAgain, p.feed.Interval/2)))
	}
}

// askNewest takes the newest table that is kept, and has those after it come. False: nobody knows whether there is one.
func (s *Scheduler) askNewest(ctx context.Context, p *poll) bool {
	s.mu.Lock()
	p.share.joined = true
	s.mu.Unlock()
	call, cancel := p.feed.call(ctx, longestAsk)
	defer cancel()
	newest, ok, err := s.opts.Peers.Want(call, p.share.name)
	if ok {
		_ = s.take(p, newest) // what nobody can read is as good as nothing
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p.share.asked = p.share.asked || err == nil
	return err == nil
}

// learn asks for the newest before an attempt ends whose turn is over: this node may have stood still while others polled.
func (s *Scheduler) learn(ctx context.Context, p *poll) {
	s.mu.Lock()
	a := p.attempt
	late := p.share != nil && p.share.by == anyNode && !a.settled && age(a.started, time.Now()) > p.feed.Interval
	s.mu.Unlock()
	if late {
		s.askNewest(ctx, p)
	}
}

// advance numbers an outcome of this node, and plans the next poll an interval after this one started, or after a pause.
func (s *Scheduler) advance(p *poll, now, started time.Time) {
	sh := p.share
	if sh == nil || sh.by == thisNode {
		s.rests(p, started)
	}
	if sh == nil {
		return
	}
	skew := s.skew()
	at, apart := now, int64(0)
	if sh.by == receiver {
		apart = s.apart()
		if p.failure == "" {
			at = p.table.at
		}
	}
	sh.version = max(at.Add(skew).UnixMicro()+apart, sh.version+versionStep, s.floor+1)
	sh.mine, sh.doubt = true, p.failure != ""
	if p.failure == "" {
		p.table.asOf = at.Add(skew).Truncate(time.Microsecond)
		if p.table.newest.Equal(p.table.at) {
			p.table.newest = p.table.asOf
		}
	}
	if sh.by == anyNode {
		sh.due = started.Add(p.gap())
		s.due.set(p, p.following(now))
	}
}

// sayStuck tells that the source of this node has not come back, unless another node polls.
func (s *Scheduler) sayStuck(ctx context.Context, p *poll) {
	version, mine := s.claim(ctx, p)
	now := time.Now()
	s.mu.Lock()
	a := p.attempt
	if !mine || a == nil || p.share.version != version {
		s.mu.Unlock()
		return
	}
	err := a.errStuck()
	news := p.settle(now, 0, nil, err)
	s.advance(p, now, now)
	s.mu.Unlock()
	s.announce(p, now, report{news, err})
	s.publish(ctx, p)
}
