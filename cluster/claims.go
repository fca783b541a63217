package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// leastKept is the shortest life of what is kept for a time: the members cut off up to a second.
const leastKept = 5 * time.Second

// Claim puts this node's incarnation under the name if nothing is there. A node that is alone has whatever it claims.
func (h *Hazelcast) Claim(ctx context.Context, name string, keep time.Duration) (bool, error) {
	if h.messages.isAlone() {
		return true, nil
	}
	var holder any
	first, cancel := firstHalf(ctx)
	defer cancel()
	err := h.do(first, func(ctx context.Context, l *link) (err error) {
		holder, err = l.claims.PutIfAbsentWithTTL(ctx, name, h.incarnation, max(keep, leastKept))
		return err
	})
	if err == nil {
		return holder == nil || holder == h.incarnation, nil
	}
	if errors.Is(err, errAlone) {
		return true, nil
	}
	// It may have been taken all the same.
	again := h.do(ctx, func(ctx context.Context, l *link) (err error) {
		holder, err = l.claims.Get(ctx, name)
		return err
	})
	switch {
	case again == nil && holder != nil:
		return holder == h.incarnation, nil
	case h.messages.isAlone():
		return true, nil
	}
	return false, fmt.Errorf("claim %q: %w", name, errors.Join(err, again))
}

// firstHalf leaves time to ask again.
func firstHalf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}
