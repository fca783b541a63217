package transport

import (
	"context"
	"errors"
	"time"
)

// End ends the session for a cause, the first of which counts. A WebSocket is closed with a code that tells it, an event stream whose token ended says
// bye. It does not wait.
func (s *Session) End(cause error) {
	if s.kind == SSE && errors.Is(cause, ErrTokenEnded) && s.dismiss(cause) {
		return
	}
	s.shard.mu.Lock()
	if s.cause == nil {
		s.cause = cause
	}
	waiter, stream := s.waiter, s.stream
	s.shard.mu.Unlock()
	if waiter != nil {
		waiter.cancel(cause)
	}
	if stream != nil {
		stream.end(cause)
	}
}

// endWith ends the session with ctx, for the same cause, until stop is called.
func (s *Session) endWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { s.End(context.Cause(ctx)) })
}

// dismiss has an event stream say bye before it ends because its token has: it has no close code to tell it by. It reports whether that is under way: a
// stream that has not begun is refused instead.
func (s *Session) dismiss(cause error) bool {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.shard.mu.Lock()
	isOpen, first := !s.gone && (s.stream != nil || s.waiter != nil), s.cause == nil
	if isOpen && first {
		s.cause = cause
	}
	s.shard.mu.Unlock()
	if isOpen && first && s.bye == nil {
		s.leave(byeSlot(ErrTokenEnded.Error(), time.Second))
	}
	return isOpen && s.bye != nil
}

// endedFor is what ended a stream that was written to until err; where there was none, why it was dismissed, if it was.
func (s *Session) endedFor(err error) error {
	if err != nil {
		return err
	}
	s.shard.mu.Lock()
	defer s.shard.mu.Unlock()
	return s.cause
}
