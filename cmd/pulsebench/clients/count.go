//go:build linux

package clients

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// drive publishes as the order says and returns how many went out.
func (p *phase) drive(ctx context.Context, pub *publisher, o Publish) (published int, err error) {
	began := time.Now()
	for published < o.Count {
		number := p.first + uint64(published)
		due := began.Add(time.Duration(published) * o.Every)
		if o.Every > 0 {
			err = sleepUntil(ctx, due)
		} else {
			if time.Since(began) >= o.For {
				break
			}
			if number >= p.first+uint64(o.Window) {
				err = p.wait(ctx, number+1-uint64(o.Window), o.Patience)
			}
			if err == nil && p.expected > 0 && p.complete.Load()+uint64(o.Window) <= number {
				break // what was waited for is lost: no more of this
			}
			due = time.Now()
		}
		if err == nil {
			err = pub.publish(number, o.Size, due)
		}
		if err != nil {
			return published, err
		}
		published++
	}
	return published, nil
}

// wait waits until all clients have what is below the number, or nothing moves any more.
func (p *phase) wait(ctx context.Context, below uint64, patience time.Duration) error {
	if p.expected == 0 {
		return nil
	}
	quiet := time.NewTimer(patience)
	defer quiet.Stop()
	for p.complete.Load() < below {
		select {
		case <-p.progress:
			quiet.Reset(patience)
		case <-quiet.C:
			if !p.moved.Swap(false) {
				return nil // who did not get it is counted
			}
			quiet.Reset(patience)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func sleepUntil(ctx context.Context, at time.Time) error {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reading is how many of the loop's clients read.
func (l *loop) reading() (count int) {
	for _, c := range l.clients {
		if c.state == ready && !c.stalled {
			count++
		}
	}
	return count
}

func (l *loop) begin(p *phase) {
	l.tally = &tally{phase: p, missing: make(map[missed]bool)}
	for _, c := range l.clients {
		c.next = p.first
	}
}

// finish ends a phase and counts what did not come, where next is the number that comes next.
func (l *loop) finish(next uint64) *tally {
	t := l.tally
	l.tally = nil
	for _, c := range l.clients {
		if !c.stalled && c.next < next && c.next >= t.phase.first {
			t.lost += int64(next - c.next)
		}
	}
	return t
}

// stall has as many of the loop's clients stop reading, and returns how many did.
func (l *loop) stall(count int) (stalled int, err error) {
	for _, c := range l.clients {
		if stalled == count {
			break
		}
		if c.state != ready || c.stalled {
			continue
		}
		if err := l.watch(unix.EPOLL_CTL_DEL, c.fd, 0, 0); err != nil {
			return stalled, err
		}
		c.stalled = true
		stalled++
	}
	return stalled, nil
}

// resume has those who stopped read again. They are not counted any more.
func (l *loop) resume() error {
	for i, c := range l.clients {
		if c.stalled && c.state == ready {
			if err := l.watch(unix.EPOLL_CTL_ADD, c.fd, i, unix.EPOLLIN); err != nil {
				return err
			}
		}
	}
	return nil
}

// leftOf is how many of those who stopped reading are still connected.
func (l *loop) leftOf() (left int) {
	for _, c := range l.clients {
		if c.stalled && c.state == ready {
			left++
		}
	}
	return left
}
