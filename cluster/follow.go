package cluster

import (
	"context"
	"sync"
)

// follower waits at the end of the ring and delivers what comes, in order: an item is here as soon as it is there. It is
// used by who has the turn.
type follower struct {
	link    *link
	epoch   string
	changes uint64 // when it began
	brought int64  // the last position that it brought
	behind  int64  // how far it should have come by the next look
	stop    context.CancelFunc
}

// follows says whether it still brings the log of the epoch over the link. Its question may have been lost with a member, and has
// been when it did not bring what the look before the last had already seen.
func (f *follower) follows(l *link, epoch string, changes uint64) bool {
	return f != nil && f.link == l && f.epoch == epoch && f.changes == changes && f.brought >= f.behind
}

// follow sees to it that somebody follows the log that the look before has left.
func (m *messages) follow(ctx context.Context, following *sync.WaitGroup) {
	m.mu.Lock()
	epoch, changes, top := m.epoch, m.checked, m.top
	m.mu.Unlock()
	l := m.h.link.Load()
	if m.follower.follows(l, epoch, changes) {
		m.follower.behind = top
		return
	}
	m.unfollow()
	if l == nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	f := &follower{link: l, epoch: epoch, changes: changes, brought: top, behind: top, stop: stop}
	m.follower = f
	from := top + 1
	following.Go(func() {
		for {
			// No deadline: a question that was given up would stay with the member.
			var items []logItem
			err := l.try(ctx, func(ctx context.Context) (err error) {
				items, err = readRing(ctx, l.ringEnd, from, 1, l.readMax)
				return err
			})
			if err != nil {
				pause(ctx, lookAgain)
			}
			select {
			case m.turn <- struct{}{}:
			case <-ctx.Done():
				return
			}
			goesOn := m.take(f, items, err)
			<-m.turn
			if !goesOn {
				ring(m.bell)
				return
			}
			from = items[len(items)-1].seq + 1
		}
	})
}

// unfollow ends the follower, whose last question the member forgets with the next item.
func (m *messages) unfollow() {
	if m.follower != nil {
		m.follower.stop()
		m.follower = nil
	}
}

// take holds what the follower brought, at least one item or an error, delivers what is copied, and reports whether it goes on.
func (m *messages) take(f *follower, items []logItem, err error) bool {
	if f != m.follower {
		return false // it was stopped meanwhile
	}
	if err != nil || len(items) == 0 {
		m.unfollow()
		return false
	}
	m.mu.Lock()
	trusted, top := m.checked == m.changes, m.top
	m.mu.Unlock()
	for _, it := range items {
		f.brought = it.seq
		mark, known := m.marks[it.seq]
		switch {
		case !trusted: // the look that is under way brings it
		case known && mark != it.mark, it.seq > top+1:
			ring(m.bell) // another log, or some are lost
			return true
		case it.seq == top+1:
			m.hold(it)
			top = it.seq
		}
	}
	m.release(false)
	return true
}
