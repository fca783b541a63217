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
// that node has had its chance.
func (p *poll) following(now time.Time) time.Time {
	_, at := p.turn(now)
	if !now.Before(p.share.due) {
		at = at.Add(p.feed.Interval)
	}
	if !p.share.mine && p.share.version != 0 {
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
	case now.Before(sh.due) || p.queued || p.attempt != nil && !stuck || sh.busy:
	case sh.by == otherNode:
		s.errand(p, s.lookAbroad)
	case stuck:
		s.errand(p, s.sayStuck)
	default:
		p.queued = true
		p.feed.waiting = append(p.feed.waiting, p)
	}
}

// errand has something done for p that may take its time. p is not forgotten meanwhile.
func (s *Scheduler) errand(p *poll, do func(context.Context, *poll)) {
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
	s.mu.Lock()
	version = sh.version
	ask := !sh.joined
	if sh.by != thisNode {
		n, _ := p.turn(time.Now())
		ask = ask || n > 0
	}
	s.mu.Unlock()
	if sh.by == thisNode {
		return version, true
	}
	if ask {
		s.askNewest(ctx, p)
	}
	s.mu.Lock()
	now := time.Now()
	n, _ := p.turn(now)
	version = sh.version
	early := now.Before(sh.due)
	s.mu.Unlock()
	if early || ctx.Err() != nil {
		return version, false
	}
	call, cancel := p.feed.call(ctx)
	mine, err := s.opts.Peers.Claim(call, sh.name, version, n, p.feed.kept())
	cancel()
	if err != nil {
		s.askNewest(ctx, p)
		return version, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return version, mine && sh.version == version
}

// askNewest takes the newest table that is kept, and has those after it come.
func (s *Scheduler) askNewest(ctx context.Context, p *poll) {
	s.mu.Lock()
	p.share.joined = true
	s.mu.Unlock()
	call, cancel := p.feed.call(ctx)
	defer cancel()
	if newest, ok := s.opts.Peers.Want(call, p.share.name); ok {
		_ = s.take(p, newest, true) // what nobody can read is as good as nothing
	}
}

// advance numbers an outcome of this node, and plans the next poll an interval after this one started.
func (s *Scheduler) advance(p *poll, now, started time.Time) {
	sh := p.share
	if sh == nil {
		return
	}
	skew := s.skew()
	sh.version = max(now.Add(skew).UnixMicro(), sh.version+versionStep, s.floor+1)
	sh.mine = true
	if p.failure == "" {
		p.table.asOf = now.Add(skew).Truncate(time.Microsecond)
	}
	if sh.by == anyNode {
		sh.due = started.Add(p.feed.Interval)
		s.due.set(p, p.following(now))
	}
}

// publish sends the newest outcome to the other nodes if it is of this one.
func (s *Scheduler) publish(ctx context.Context, p *poll) {
	if p.share == nil {
		return
	}
	s.mu.Lock()
	sh, o, skew := p.share, p.outcome, s.skew()
	version, due := sh.version, sh.mine && (sh.by == anyNode || time.Now().Before(sh.until))
	s.mu.Unlock()
	if !due {
		return
	}
	call, cancel := p.feed.call(ctx)
	defer cancel()
	s.opts.Peers.Publish(call, sh.name, version, p.feed.kept(), func() []byte { return o.encode(skew) })
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
	s.announce(ctx, p, now, report{news, err})
}
