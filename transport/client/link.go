package client

import (
	"context"
	"time"
)

// Bounds of what is kept.
const (
	mostWaiting = 16      // ops under way: what they bring back fits between two programs that both only write
	mostAhead   = 4 << 20 // bytes that are read before the loop takes them, so that an op of the loop itself can be answered
	mostSeen    = 1000    // ids of messages, so that none is told twice
)

// link keeps one connection for a loop of Events: the best transport that gets through, opened again from where the loop is. All but its
// channels belongs to the goroutine of run.
type link struct {
	c       *Client
	out     chan queued // to the loop
	changes chan *op
	sends   chan *op
	done    chan struct{} // closed when run has ended

	after     string // where the loop is
	id        string // the last of what it has taken; knows no versions of readings
	queue     []queued
	ahead     int // bytes in the queue
	seen      memory
	readings  library
	names     map[string]string // canonical subscriptions, by how they were asked for
	clock     clock
	heartbeat time.Duration
	changing  *op // that the next connection is opened for

	recovery
}

// queued is something that came, in its place.
type queued struct {
	event Event // nil: only a move, or the end
	id    string
	move  string // where the loop is when it has taken this; empty: where it was
	bytes int
	end   error
}

func newLink(c *Client, after string) *link {
	return &link{
		c: c, out: make(chan queued), changes: make(chan *op), sends: make(chan *op), done: make(chan struct{}),
		after: after, id: after, readings: make(library), names: make(map[string]string), heartbeat: 15 * time.Second,
		recovery: newRecovery(),
	}
}

// run connects again and again until ctx ends or the server refuses for good.
func (l *link) run(ctx context.Context) error {
	defer close(l.done)
	defer l.c.end()
	for {
		conn := l.connect(ctx)
		end := l.serve(ctx, conn)
		conn.leave()
		l.fail(conn)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		l.forget()
		if err := l.recover(ctx, conn, end); err != nil {
			l.c.opts.Logger.Warn("pulsewall refused", "err", err)
			return err
		}
	}
}

// forget drops what the loop has not taken: it comes again. That the connection was lost does not.
func (l *link) forget() {
	var kept []queued
	for _, q := range l.queue {
		if _, isLost := q.event.(Lost); isLost {
			kept = append(kept, q)
		}
	}
	l.queue, l.ahead = kept, 0
}

// incoming is what may be taken now: nothing more while the loop is behind, unless an op waits for an answer.
func (l *link) incoming(c *conn) <-chan item {
	if c.greeted && len(l.queue) > 0 && len(c.waiting) == 0 {
		return nil
	}
	return c.in
}

// changeable is where changes come from: one at a time where each needs a connection of its own.
func (l *link) changeable(c *conn) <-chan *op {
	if l.changing != nil || c != nil && len(c.waiting) >= mostWaiting {
		return nil
	}
	return l.changes
}

func (l *link) sendable(c *conn) <-chan *op {
	if c != nil && len(c.waiting) >= mostWaiting {
		return nil
	}
	return l.sends
}

// head is what the loop gets next, and where; without a where: nothing.
func (l *link) head() (chan<- queued, queued) {
	if len(l.queue) == 0 {
		return nil, queued{}
	}
	return l.out, l.queue[0]
}

// serve serves one connection until it ends, and says why it did.
func (l *link) serve(ctx context.Context, c *conn) error {
	for {
		if end := l.settle(); end != nil {
			return end
		}
		out, head := l.head()
		var err error
		select {
		case out <- head:
			l.taken()
			c.heard = time.Now()
		case it := <-l.incoming(c):
			err = l.take(c, it)
		case o := <-l.changeable(c):
			err = l.change(c, o)
		case o := <-l.sendable(c):
			err = l.sendUp(c, o)
		case <-c.greeting.C:
			if !c.greeted {
				err = errNoHello
			}
		case <-c.ticker.C:
			err = l.tick(c)
		case a := <-c.asked:
			err = l.answerOfCheck(c, a)
		case <-c.climb.C:
			l.climb(c)
		case rung := <-c.better:
			err = l.climbed(c, rung)
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// idle is what goes on without a connection, until something comes from there.
func (l *link) idle(ctx context.Context, until <-chan error) error {
	for {
		_ = l.settle() // nothing is left of the connection that has ended
		out, head := l.head()
		select {
		case out <- head:
			l.taken()
		case o := <-l.changeable(nil):
			_ = l.change(nil, o) // the next connection is opened for it
		case o := <-l.sendable(nil):
			o.finish(nil, errNoWay)
		case err := <-until:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// settle passes over what is not for the loop, and returns why the connection ended when that comes next.
func (l *link) settle() error {
	for len(l.queue) > 0 {
		q := l.queue[0]
		if _, is := q.event.(Message); q.event != nil && (!is || !l.seen.has(q.id)) {
			return nil
		}
		l.taken()
		if q.end != nil {
			return q.end
		}
	}
	return nil
}

// taken moves to where the first of the queue is.
func (l *link) taken() {
	q := l.queue[0]
	l.queue[0] = queued{}
	l.queue, l.ahead = l.queue[1:], l.ahead-q.bytes
	if _, is := q.event.(Message); is {
		l.seen.add(q.id)
	}
	if q.move != "" {
		l.after = q.move
	}
	if q.id != "" {
		l.id = q.id
	}
	if q.id != "" && q.event == nil { // the loop itself notes what it is given
		l.c.set(func(c *Client) { c.cursor = q.id })
	}
}

// take looks at what came.
func (l *link) take(c *conn, it item) error {
	c.heard = time.Now()
	switch {
	case it.opened != nil:
		c.wire = it.opened
		return nil
	case it.end != nil && !c.greeted:
		return it.end
	case it.end != nil:
		l.fail(c)
		c.over = it.end
		l.queue = append(l.queue, queued{end: it.end})
		return nil
	case it.cursor != "":
		l.queue = append(l.queue, queued{move: it.cursor})
		return nil
	}
	return l.takeEvent(c, it)
}

func (l *link) takeEvent(c *conn, it item) error {
	if !c.greeted && it.event.Event != "hello" {
		return nil
	}
	if it.event.Event == "reply" {
		l.answered(c, it.event.Data)
		return nil
	}
	e, err := it.event.decode()
	if err != nil {
		l.c.opts.Logger.Warn("event not understood", "event", it.event.Event, "err", err)
		return nil
	}
	switch known := e.(type) {
	case Hello:
		l.clock.learn(known.Time)
		if c.greeted {
			e = nil // of a poll that asked for an id
		} else {
			l.greet(c, known, it.event.ID)
			it.event.ID = "" // where it is not the client's own place, a reset follows, and only that may move it
		}
	case Heartbeat:
		l.clock.learn(known.Time)
	case Bye:
		c.bye = &known
	case Reading:
		e = l.readings.whole(known)
	}
	if e == nil && it.event.ID == "" {
		return nil
	}
	l.queue = append(l.queue, queued{event: e, id: it.event.ID, move: it.event.ID, bytes: it.bytes})
	if _, is := e.(Bye); is && c.transport != WebSocket { // which ends with a code that says more
		l.queue = append(l.queue, queued{end: errBye})
	}
	if l.ahead += it.bytes; l.ahead > mostAhead && len(l.queue) > 1 {
		return errBehind
	}
	return nil
}

// fail tells the ops under way that no answer comes.
func (l *link) fail(c *conn) {
	for _, o := range c.waiting {
		o.finish(nil, errLost)
	}
	clear(c.waiting)
}
