package transport

import (
	"context"
	"time"
)

// longestWithoutID is how long after an event with an id a heartbeat brings another one, even when the stream is not silent.
const longestWithoutID = 60 * time.Second

// writer is what differs between the transports that stream.
type writer interface {
	// write sends events, in as few writes as it can, and returns the bytes written. It waits for the client while anything moves.
	write(ctx context.Context, events []*event) (int, error)
}

// mostKept is how large a writer's buffer may stay between writes, in bytes; most batches are smaller.
const mostKept = 16 << 10

// run writes hello, then whatever is newer than the session's position, and heartbeats, until ctx or the session ends, a write
// fails or a bye has been written. The bye ends it without an error.
func (s *Session) run(ctx context.Context, w writer) error {
	silent := time.Now()
	identified := silent
	events, last := []*event{s.hello()}, false
	if s.reset != "" { // who has this hello is told of the reset as well: it starts from now, and would not come back for it
		batch, err := s.Next(ctx, silent)
		if err != nil {
			return err
		}
		events, last = append(events, batch.events...), batch.last
	}
	for {
		n, err := w.write(ctx, events)
		if err != nil {
			s.hub.count.wrote(s.kind, 0, n)
			return err
		}
		s.hub.count.wrote(s.kind, len(events), n)
		if last {
			return nil
		}
		silent = time.Now()
		for _, e := range events {
			if e.id != "" {
				identified = silent
			}
		}
		until := silent.Add(s.hub.opts.Heartbeat)
		if latest := identified.Add(longestWithoutID); latest.Before(until) {
			until = latest
		}
		batch, err := s.Next(ctx, until)
		if err != nil {
			return err
		}
		events, last = batch.events, batch.last
		if batch.wantsBeat(!time.Now().Before(identified.Add(longestWithoutID))) {
			events = append(events, s.heartbeat())
		}
	}
}
