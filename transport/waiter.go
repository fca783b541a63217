package transport

import (
	"context"
	"time"
)

// waiter is what a session has whose goroutine waits in Next.
type waiter struct {
	ctx    context.Context // the session's own: a request's ends with its handler
	cancel context.CancelCauseFunc
	wake   chan struct{} // size 1: there may be something new
	timer  *time.Timer   // of the goroutine that waits
}

// await makes the session one whose goroutine waits.
func (s *Session) await() *waiter {
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	if s.waiter == nil {
		w := &waiter{wake: make(chan struct{}, 1)}
		w.ctx, w.cancel = context.WithCancelCause(context.Background())
		if s.cause != nil {
			w.cancel(s.cause)
		}
		s.waiter = w
	}
	return s.waiter
}

// ring wakes who waits. It never blocks: a bell that rings already is as good.
func (w *waiter) ring() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// wait returns when the bell rings, or at a time (zero: never).
func (w *waiter) wait(ctx context.Context, at time.Time) error {
	var alarm <-chan time.Time
	if !at.IsZero() {
		if w.timer == nil {
			w.timer = time.NewTimer(time.Until(at))
		} else {
			w.timer.Reset(time.Until(at))
		}
		defer w.timer.Stop()
		alarm = w.timer.C
	}
	select {
	case <-w.wake:
	case <-alarm:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-w.ctx.Done():
		return context.Cause(w.ctx)
	}
	return nil
}
