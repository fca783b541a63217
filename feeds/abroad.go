package feeds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Accept takes a table that another node published for the named poll, if it is newer than what is known. What is not
// wanted here is ignored. It reads the table, but waits for nobody. Errors say why data was not understood.
func (s *Scheduler) Accept(poll string, r Remote) error {
	_, key, err := s.parsePoll(poll)
	if err != nil {
		return err
	}
	s.mu.Lock()
	p := s.polls[key]
	s.mu.Unlock()
	if p == nil || p.share == nil || p.share.by == thisNode {
		return nil
	}
	return s.take(p, r)
}

// take makes r the newest outcome of p if it is newer.
func (s *Scheduler) take(p *poll, r Remote) error {
	sh := p.share
	s.mu.Lock()
	newer := s.polls[p.key] == p && r.Version > sh.version
	s.mu.Unlock()
	if !newer {
		return nil
	}
	skew := s.skew()
	o, err := decode(r.Data, r.Shift-skew)
	if err != nil {
		return fmt.Errorf("table of %s: %w", sh.name, err)
	}
	now := time.Now()
	seen := now
	if r.Kept {
		seen = now.Add(-min(max(0, now.Sub(o.settled)), p.kept(o.failures)))
	}
	o.took = min(o.took, p.feed.Interval)
	o.settled = seen
	s.mu.Lock()
	if s.polls[p.key] != p || r.Version <= sh.version {
		s.mu.Unlock()
		return nil
	}
	overtaken := s.toldOf(p)
	sh.version, sh.mine, sh.doubt, sh.gone = r.Version, false, false, false
	sh.due = o.settled.Add(p.gapAfter(o.failures) - o.took)
	news := p.become(o)
	if !p.feed.desc.Pushed {
		p.answered(o.settled.Add(-o.took))
		if !p.idle(now) {
			s.due.set(p, p.following(now))
		}
	}
	s.planWoken(p, now)
	s.show(p, now)
	s.mu.Unlock()
	if overtaken {
		s.overtaken(p)
	}
	s.report(p, report{news, errors.New(o.failure)})
	s.ring()
	return nil
}

// lookAbroad sees to a poll that another node makes: takes the newest, and says so when that node is gone.
func (s *Scheduler) lookAbroad(ctx context.Context, p *poll) {
	s.askNewest(ctx, p)
	node := p.key.Node
	known, alive := s.opts.Peers.Knows(node)
	missing := "node " + node + " cannot be reached" // it is gone, or this node is alone
	if !known {
		missing = "no node " + node + " is known here"
	}
	now := time.Now()
	s.mu.Lock()
	sh := p.share
	if alive || sh.gone || now.Before(sh.due) {
		s.mu.Unlock()
		return
	}
	o := p.outcome
	o.failure, o.failures, o.took, o.settled = sentence(missing), 0, 0, now
	if p.failure == "" {
		o.since = now
	}
	sh.gone = true
	news := p.become(o)
	s.mu.Unlock()
	s.announce(p, now, report{news, errors.New(o.failure)})
}

// WantFor keeps a poll that only this node can make going until the given time, because other nodes want it: it is the
// name that they gave to Peers.Want. Errors: ErrUnknownFeed, ErrBadSubscription, ErrTooManyPolls.
func (s *Scheduler) WantFor(poll string, until time.Time) error {
	f, key, err := s.parsePoll(poll)
	if err != nil {
		return err
	}
	if s.opts.Peers == nil || !f.desc.PerNode || key.Node != s.opts.Node {
		return fmt.Errorf("%w: %s is not measured by node %s", ErrUnknownFeed, poll, quote(s.opts.Node))
	}
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.polls[key]
	if p == nil {
		if err := s.roomForPoll(f, now); err != nil {
			return err
		}
		p = s.newPoll(key, f, now, false)
	}
	p.touch(now)
	sh := p.share
	anew := !now.Before(sh.until)
	if until.After(sh.until) {
		sh.until = until
	}
	if p.spread || p.pos == 0 {
		p.spread = false
		s.due.set(p, now)
	}
	if anew && p.fresh(now) {
		sh.sent = 0
		s.errand(p, s.publish)
	}
	s.ring()
	return nil
}

// WantedElsewhere returns the names of the polls that are wanted here and that only another node can make, by node,
// sorted. That node has to be told: see WantFor.
func (s *Scheduler) WantedElsewhere() map[string][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[string][]string)
	for _, p := range s.abroad {
		if len(p.entries) > 0 {
			names[p.key.Node] = append(names[p.key.Node], p.share.name)
		}
	}
	for _, list := range names {
		slices.Sort(list)
	}
	return names
}
