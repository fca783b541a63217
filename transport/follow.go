package transport

import (
	"context"
	"errors"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// Follower is a session whose client does not speak our events: it gets messages, is told where some may be missing, and nothing else.
type Follower struct{ s *Session }

// OpenFollower opens one that counts in presence and in its rooms like any stream, with kind as its transport. Readings are not for it:
// o.Topics is empty. The caller must Close it. Error: ErrClosed.
func (h *Hub) OpenFollower(ctx context.Context, o Opening, kind Kind) (*Follower, error) {
	s, err := h.admit(ctx, o, kind)
	if err != nil {
		return nil, err
	}
	return &Follower{s}, nil
}

// Run gives take each message for the client as a bare text, in order, until ctx ends, take fails, or the hub closes (ErrClosed) or drains
// (nil). Where messages may be missing, one text {"error":"…"} says so. take may wait for the client: what comes meanwhile stays in the
// log, while that keeps it. Its context ends with the session. It must not change the text, and fails with wsconn.ErrSlow for a client
// that is too slow. Run must be called once.
func (f *Follower) Run(ctx context.Context, take func(ctx context.Context, text []byte) error) error {
	defer f.s.endWith(ctx)()
	own := f.s.await().ctx
	err := f.s.follow(own, func(e *event) error {
		text := e.bareText()
		err := take(own, text)
		if err == nil {
			f.s.hub.count.wrote(f.s.kind, 1, len(text))
		}
		return err
	})
	if errors.Is(err, wsconn.ErrSlow) {
		f.s.hub.count.slowCloses.Add(1)
	}
	return err
}

// Session is its name.
func (f *Follower) Session() string { return f.s.id }

// UnionID is who it is now; empty: nobody.
func (f *Follower) UnionID() string {
	f.s.hub.mu.RLock()
	defer f.s.hub.mu.RUnlock()
	return f.s.unionID
}

// Become makes it the session of another user, and returns when it is: messages whose place is before are for who it was, and have been
// given to take, those after are for who it is. A name stays behind with the user that it is of. Run must be running; one goroutine at a
// time may call it.
func (f *Follower) Become(ctx context.Context, unionID string) error {
	s, own := f.s, f.s.await().ctx
	next := &succession{unionID: unionID, done: make(chan struct{})}
	s.hub.mu.Lock()
	s.succession = next
	s.shard.wake(s)
	s.hub.mu.Unlock()
	select {
	case <-next.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-own.Done():
		return context.Cause(own)
	}
}

// Close takes it out of the hub. It may be called again.
func (f *Follower) Close() { f.s.Close() }

// follow gives take each event that is a text, too, until ctx or the session ends or take fails, or, without an error, until a bye.
func (s *Session) follow(ctx context.Context, take func(e *event) error) error {
	for {
		batch, err := s.Next(ctx, time.Time{})
		if err != nil {
			return err
		}
		for _, e := range batch.events {
			if e.message == nil && e.lost == "" {
				continue
			}
			if err := take(e); err != nil {
				return err
			}
		}
		if batch.last {
			return nil
		}
	}
}

// succession is who a session is to be next.
type succession struct {
	unionID string
	done    chan struct{} // closed when it is
}

// succeeds makes the session that of the next user, if there is one and everything for the one before has been given out. It is called
// by Next; false: there is nothing to be done.
func (s *Session) succeeds() bool {
	h := s.hub
	h.mu.RLock()
	none := s.succession == nil
	h.mu.RUnlock()
	if none {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.gone {
		return false
	}
	s.shard.settle()
	if s.next != 0 { // something came since
		return true
	}
	if before := s.unionID; before != "" && before != s.succession.unionID {
		s.name = "" // it is what somebody else is called
	}
	s.unionID = s.succession.unionID
	h.roll.move(s)
	h.rollChanged()
	close(s.succession.done)
	s.succession = nil
	return true
}
