package feeds

import (
	"context"
	"time"
)

// After wants sub and returns the newest reading that the sink has taken as soon as its version is another one, or when ctx ends; one
// that is Loading when there is none. Error: ErrTooManyPolls.
func (s *Scheduler) After(ctx context.Context, sub Subscription, version int64) (Reading, error) {
	sub, err := s.resolved(sub)
	if err != nil {
		return Reading{}, err
	}
	for {
		now := time.Now()
		s.mu.Lock()
		e, err := s.want(sub, now, false)
		if err != nil {
			s.mu.Unlock()
			return Reading{}, err
		}
		newest := e.loading(now)
		if e.delivered != nil {
			newest = *e.delivered
		}
		if e.arrived == nil {
			e.arrived = make(chan struct{})
		}
		arrived := e.arrived
		s.mu.Unlock()
		if newest.Version != version || ctx.Err() != nil {
			return newest, nil
		}
		select {
		case <-arrived:
		case <-s.ended:
			return newest, nil
		case <-ctx.Done():
		}
	}
}
