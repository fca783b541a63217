package feeds

import (
	"context"
	"errors"
	"time"
)

// ErrAlone is what Peers say of a node that can reach no other.
var ErrAlone = errors.New("no other node can be reached")

// Rejoined says that other nodes can be reached again: they get what was pushed here while they could not, unless something newer
// was pushed elsewhere, which is shown and logged then. It may be called at any time, and does not block.
func (s *Scheduler) Rejoined() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for p := range s.untold {
		s.errand(p, s.tellLate)
	}
	s.ring()
}

// keepUntold notes that nobody was there to be told of a version. Its poll stays until somebody is.
func (s *Scheduler) keepUntold(p *poll, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.share.by == receiver && p.share.version == version && s.polls[p.key] == p {
		s.untold[p] = struct{}{}
		p.share.untold = true
	}
}

// toldOf forgets that, and says whether it was so.
func (s *Scheduler) toldOf(p *poll) bool {
	if p.share == nil || !p.share.untold {
		return false
	}
	p.share.untold = false
	delete(s.untold, p)
	return true
}

// tellLate publishes what nobody was told of, unless the others have something newer.
func (s *Scheduler) tellLate(ctx context.Context, p *poll) {
	for !s.askNewest(ctx, p) {
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return
		}
	}
	s.mu.Lock()
	if s.toldOf(p) {
		p.share.sent = 0
	}
	s.mu.Unlock()
	s.publish(ctx, p)
}

// overtaken tells that other nodes will not show a push, as nobody was told of it and there is no room for it or something newer.
func (s *Scheduler) overtaken(p *poll) {
	s.opts.Logger.Warn("what was pushed while this node was alone is not passed on: other nodes have something newer, or there was no room to keep it", "feed", p.feed.Name, "subscription", p.share.name)
}
