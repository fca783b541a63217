package transport

import (
	"context"
	"math/rand/v2"
	"time"
)

// Draining says whether Drain has been called.
func (h *Hub) Draining() bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.draining
}

// Drain says bye to every session, each with a slot of its own to come back in, and returns when all have gone or ctx ends.
// No new session opens afterwards.
func (h *Hub) Drain(ctx context.Context) error {
	h.mu.Lock()
	h.draining = true
	n := 0
	for _, sh := range h.shards {
		n += len(sh.sessions)
	}
	spread := byeSpread(n)
	for _, sh := range h.shards {
		for _, s := range sh.sessions {
			s.leave(byeSlot("the server is restarting", spread))
		}
	}
	h.mu.Unlock()
	h.resting.close()
	gone := make(chan struct{})
	go func() { h.streams.Wait(); close(gone) }() // ends with the last session, which Close ends at the latest
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Close ends every session at once, and every goodbye that is under way, and returns when the last has gone. Its own goodbyes take a few seconds.
func (h *Hub) Close() {
	h.mu.Lock()
	h.draining, h.closed = true, true
	h.depart()
	for _, sh := range h.shards {
		for _, s := range sh.sessions {
			s.End(ErrClosed)
		}
	}
	h.mu.Unlock()
	h.streams.Wait()
	h.stop()
	h.working.Wait()
	h.resting.close()
	h.polling.Do(func() {})
	if h.polls != nil {
		h.polls.Close()
	}
	h.report() // that they have gone
}

// byeSpread is over how long n clients are asked to come back, so that a restarted server is not met by all at once.
func byeSpread(n int) time.Duration {
	return min(10*time.Second, time.Second+time.Duration(n)*5*time.Millisecond)
}

// byeSlot is one client's bye with a random place in the spread.
func byeSlot(reason string, spread time.Duration) *event {
	retry := 250*time.Millisecond + rand.N(spread) // #nosec G404 -- spreads load, guards nothing
	e := newEvent("bye", "", bye{Reason: reason, Retry: retry.Milliseconds()})
	e.retry = retry
	return e
}

// bye is the data of the last event of a stream. Retry is in milliseconds.
type bye struct {
	Reason string `json:"reason"`
	Retry  int64  `json:"retry"`
}
