package cluster

import (
	"context"
	"sync"
)

// follower waits at the end of the ring and brings what comes, in order: an item is here as soon as it is there. It is used
// by messages.run alone, but for what its goroutine needs.
type follower struct {
	link    *link
	epoch   string
	brought int64 // the last position that it brought
	behind  int64 // how far it should have come by the next look
	stop    context.CancelFunc
}

// news are the items that a follower brings, or why it ended.
type news struct {
	from  *follower
	items []logItem
	err   error
}

// follows says whether it still brings the log of the epoch over the link. One that did not bring what the look before the
// last had already seen will bring nothing: its question was lost among the members.
func (f *follower) follows(l *link, epoch string) bool {
	return f != nil && f.link == l && f.epoch == epoch && f.brought >= f.behind
}

// follow sees to it that somebody follows the log that the look before has left.
func (m *messages) follow(ctx context.Context, following *sync.WaitGroup) {
	l, epoch := m.h.link.Load(), m.Epoch()
	if m.follower.follows(l, epoch) {
		m.follower.behind = m.last
		return
	}
	m.unfollow()
	if l == nil {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	f := &follower{link: l, epoch: epoch, brought: m.last, behind: m.last, stop: stop}
	m.follower = f
	from := m.last + 1
	following.Go(func() {
		for {
			// No deadline: a question that was given up would stay with the member.
			items, err := readRing(ctx, l.ringEnd, from, 1, l.readMax)
			if len(items) > 0 {
				from = items[len(items)-1].seq + 1
			}
			select {
			case m.news <- news{from: f, items: items, err: err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
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

// take delivers what the follower brought and reports whether it goes on.
func (m *messages) take(n news) bool {
	if n.from != m.follower {
		return true // of one that was stopped
	}
	if n.err != nil {
		m.unfollow()
		return false
	}
	m.mu.Lock()
	trusted := m.checked == m.changes
	m.mu.Unlock()
	for _, it := range n.items {
		n.from.brought = it.seq
		mark, known := m.marks[it.seq]
		switch {
		case !trusted: // the look that is under way brings it
		case known && mark != it.mark, it.seq > m.last+1:
			ring(m.bell) // another log, or some are lost
			return true
		case it.seq > m.last: // written by this goroutine alone, so read without the lock
			m.deliver(it)
		}
	}
	return true
}
