package transport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// streamState says whose turn it is to ask a session what is new and to write it.
type streamState uint8

const (
	begins   streamState = iota // of who opens the stream
	idle                        // of the shard, when there is something: the client has caught up
	trying                      // of the shard, which is at it
	behind                      // of a goroutine that waits for the client
	silenced                    // of nobody: the last word was said by who reads, who tells how it ended
	finished                    // of nobody
)

// stream is what a session writes to where its socket takes without waiting: it has no goroutine while its client has caught up.
type stream struct {
	s      *Session
	out    outlet
	handle Handler
	ended  func(error) // told once when all is over

	wrong int                     // frames in a row; owned by who receives
	op    context.CancelCauseFunc // guarded by shard.mu: of the op that is handled; nil: none

	busy sync.WaitGroup // who begins, receives or is behind
}

// begin gives the session a stream, writes hello and what is new, and leaves the rest to the shard. Ops of the client go to handle; ended is
// told once, when the session has ended, and why.
func (s *Session) begin(out outlet, c coding, handle Handler, ended func(error)) {
	st := &stream{s: s, out: out, handle: handle, ended: ended}
	st.busy.Add(1)
	defer st.busy.Done()
	sh := s.shard
	sh.mu.Lock()
	s.attach(st, c)
	cause := s.cause
	sh.mu.Unlock()
	if cause != nil {
		st.end(cause)
		return
	}
	b := Batch{events: []*event{s.hello()}}
	next := s.collect()
	b.events, b.last = append(b.events, next.events...), next.last
	p := c.join(b.events)
	more, err := out.Try(p)
	s.told(b.events, len(p), err)
	sh.mu.Lock()
	s.give(more, b.last, err)
	if s.state == idle {
		sh.note(s) // it was in no state to be noted
	}
	sh.mu.Unlock()
	sh.ring()
	if err != nil || b.last && !more {
		st.end(err)
	}
	out.Receive(st.receive, func(err error) {
		if p := (*wsconn.Panicked)(nil); errors.As(err, &p) {
			s.hub.opts.Logger.Error("stream panicked", "session", s.id, "err", p, "stack", string(p.Stack))
		}
		st.end(fmt.Errorf("read: %w", err))
	})
}

// attach gives the session its stream. The shard is locked.
func (s *Session) attach(st *stream, c coding) {
	s.stream, s.coding, s.tries = st, c, st.out
	if own, ok := st.out.(interface{ Writer() *patient.Writer }); ok {
		s.tries = own.Writer()
	}
}

// told notes what has been given to the socket.
func (s *Session) told(events []*event, bytes int, err error) {
	if err != nil {
		return
	}
	if s.counted >= 0 {
		s.hub.count.add(int(s.counted), len(events), bytes)
	}
	s.remember(events, time.Since(s.hub.born))
}

// remember notes when the client was told something.
func (s *Session) remember(events []*event, at time.Duration) {
	s.wrote = at
	for _, e := range events {
		if e.id != "" {
			s.identified = at
			return
		}
	}
}

// give passes the turn on after a try: to the shard, or to a goroutine if there is more to be written than the socket took. The shard is
// locked.
func (s *Session) give(more, last bool, err error) {
	switch {
	case s.state >= silenced || err != nil || last && !more:
	case more:
		s.state = behind
		s.stream.busy.Add(1)
		go s.stream.catchUp(last)
	default:
		s.state = idle
		s.confirm()
	}
}

// confirm says that the reply has been written, if the last batch held one. The shard is locked.
func (s *Session) confirm() {
	if s.replying {
		s.replying = false
		s.replied <- struct{}{} // size 1, and there is one reply at a time
	}
}

// receive answers a text of the client.
func (st *stream) receive(text []byte) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	sh := st.s.shard
	sh.mu.Lock()
	if cause := st.s.cause; cause != nil {
		sh.mu.Unlock()
		return cause
	}
	st.op = cancel
	st.busy.Add(1)
	sh.mu.Unlock()
	defer func() {
		sh.mu.Lock()
		st.op = nil
		sh.mu.Unlock()
		st.busy.Done()
	}()
	return st.s.answerText(ctx, text, st.handle, &st.wrong)
}

// end ends the stream; the first cause counts, of End too. That the last word has been said is none. It does not wait.
func (st *stream) end(cause error) {
	s, sh := st.s, st.s.shard
	sh.mu.Lock()
	switch {
	case s.state == finished:
		sh.mu.Unlock()
		return
	case s.cause != nil:
		cause = s.cause
	case errors.Is(cause, patient.ErrSaid):
		s.state = silenced
		s.confirm() // nobody waits for a reply that cannot go out
		sh.mu.Unlock()
		return
	case cause != nil:
		s.cause = cause
	default:
		s.cause = ErrClosed
	}
	s.state = finished
	op, why := st.op, s.cause
	sh.mu.Unlock()
	if op != nil {
		op(why)
	}
	go st.finish(cause)
}

// finish says goodbye and takes the session out of the hub, which waits for it.
func (st *stream) finish(cause error) {
	st.out.Stop()
	st.s.depart() // from the counts, before the goodbye, which may take seconds
	if conn, ok := st.out.(*wsconn.Conn); ok {
		st.s.goodbye(conn, cause)
	} else if errors.Is(cause, wsconn.ErrSlow) {
		st.s.hub.count.slowCloses.Add(1) // nothing more can be told
	}
	st.out.CloseNow()
	st.busy.Wait()
	st.ended(cause)
	st.s.Close()
}
