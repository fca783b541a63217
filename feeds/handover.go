package feeds

import (
	"context"
	"errors"
	"time"
)

// publish sends the newest outcome to the other nodes if it is of this one and was not sent before. It tries again until
// it got there, or there is a newer one.
func (s *Scheduler) publish(ctx context.Context, p *poll) {
	if p.share == nil {
		return
	}
	s.mu.Lock()
	sh, o, skew := p.share, p.outcome, s.skew()
	version, due := sh.version, sh.mine && sh.sent != sh.version && (sh.by == anyNode || sh.by == receiver || time.Now().Before(sh.until))
	if due {
		sh.sent = version
	}
	s.mu.Unlock()
	if !due {
		return
	}
	var err error
	for tries := 1; tries <= publishTries || sh.by == receiver; tries++ { // what was pushed, nobody can poll for
		call, cancel := p.feed.call(ctx, longestPublish)
		err = s.opts.Peers.Publish(call, sh.name, version, p.kept(o.failures), func() []byte { return o.encode(skew) })
		cancel()
		if errors.Is(err, ErrAlone) {
			s.keepUntold(p, version)
			err = nil
		}
		if err == nil {
			s.lost(p, false)
			return
		}
		if !s.isNewest(p, version) {
			return
		}
		if tries == publishTries && !s.lost(p, true) {
			s.opts.Logger.Warn("readings do not get to the other nodes", "feed", p.feed.Name, "subscription", sh.name, "err", err)
		}
		select {
		case <-time.After(publishAgain):
		case <-ctx.Done():
			return
		}
	}
}

// lost notes whether the newest outcome got lost, and returns whether the one before did.
func (s *Scheduler) lost(p *poll, is bool) (before bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, p.share.lost = p.share.lost, is
	return before
}

func (s *Scheduler) isNewest(p *poll, version int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.share.version == version
}

// HandOver is for a node that is about to leave: it begins no more polls that another node can make, and returns when
// those that run have ended and got to the others, and what was pushed here as well, or when ctx ends. A poll that is cut off
// costs all nodes an interval; what was pushed nobody else has. Nothing may be pushed any more when it is called.
func (s *Scheduler) HandOver(ctx context.Context) {
	now := time.Now()
	s.mu.Lock()
	s.leaving = true
	for _, p := range s.polls {
		if p.share != nil && p.coming() {
			s.planWoken(p, now) // no gap is waited for
		}
	}
	s.ring()
	if s.handed() {
		s.mu.Unlock()
		return
	}
	if s.handedOver == nil {
		s.handedOver = make(chan struct{})
	}
	done := s.handedOver
	s.mu.Unlock()
	select {
	case <-done:
	case <-s.ended:
	case <-ctx.Done():
	}
}

// handed says whether nothing is left to hand over.
func (s *Scheduler) handed() bool {
	if s.sharing > 0 {
		return false
	}
	for _, p := range s.polls {
		if p.share != nil && p.coming() {
			return false
		}
	}
	return true
}

// beginShared counts a poll whose outcome other nodes wait for, and refuses one that they could make when this node leaves. It is
// called with mu held.
func (s *Scheduler) beginShared(p *poll) bool {
	if p.share == nil || p.share.by == thisNode || p.share.by == otherNode {
		return true
	}
	if s.leaving && p.share.by == anyNode {
		return false
	}
	s.sharing++
	return true
}

// endShared is the end of such a poll.
func (s *Scheduler) endShared(p *poll) {
	if p.share == nil || p.share.by == thisNode || p.share.by == otherNode {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sharing--
	if s.handedOver != nil && s.handed() {
		close(s.handedOver)
		s.handedOver = nil
	}
}
