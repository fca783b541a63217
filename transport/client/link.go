package client

import (
	"context"
	"encoding/json"
	"strconv"
	"sync"
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

// conn is one connection.
type conn struct {
	transport Transport
	ctx       context.Context //nolint:containedctx // the connection's own
	stop      context.CancelFunc
	in        chan item
	own       sync.WaitGroup // the goroutines of the connection
	subs      []string       // as they were asked for

	wire    wire // once it is open
	greeted bool
	over    error     // it has ended, which the loop does not know yet
	since   time.Time // of hello
	heard   time.Time // when something came last, or the loop was ready for more
	bye     *Bye
	ref     int
	waiting map[string]*op

	watch
}

// connect opens a connection on the rung of now.
func (l *link) connect(ctx context.Context) *conn {
	c := &conn{transport: l.c.opts.Transports[l.rung], in: make(chan item), subs: l.c.Subs(), waiting: make(map[string]*op), watch: newWatch()}
	c.ctx, c.stop = context.WithCancel(ctx)
	open, after := openers[c.transport], l.after
	c.own.Go(func() { c.read(func(ctx context.Context) (wire, error) { return open(ctx, l, after) }) })
	return c
}

// read hands over what comes, and no more than is taken.
func (c *conn) read(open func(ctx context.Context) (wire, error)) {
	w, err := open(c.ctx)
	if err != nil {
		c.give(item{end: err})
		return
	}
	var closing sync.WaitGroup
	defer closing.Wait()
	ctx, stop := context.WithCancel(c.ctx)
	defer stop()
	closing.Go(func() {
		<-ctx.Done()
		w.close()
	})
	c.give(item{opened: w})
	for ctx.Err() == nil {
		items, err := w.next()
		for _, it := range items {
			c.give(it)
		}
		if err != nil {
			c.give(item{end: err})
			return
		}
	}
}

func (c *conn) give(it item) {
	select {
	case c.in <- it:
	case <-c.ctx.Done():
	}
}

// leave ends the connection and waits for what is left of it.
func (c *conn) leave() {
	c.stop()
	c.own.Wait()
	c.watch.stop()
}

// canSend says whether there is a way up.
func (c *conn) canSend() bool { return c.greeted && c.over == nil && c.transport == WebSocket }

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
		l.settle() // of a connection that has ended nothing is left but that it has
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

// answered takes the reply to an op.
func (l *link) answered(c *conn, data json.RawMessage) {
	var reply struct {
		Ref     string          `json:"ref"`
		Result  json.RawMessage `json:"result"`
		Problem *Problem        `json:"problem"`
	}
	err := json.Unmarshal(data, &reply)
	o := c.waiting[reply.Ref]
	if err != nil || o == nil {
		return
	}
	delete(c.waiting, reply.Ref)
	if reply.Problem != nil {
		reply.Problem.spoken, reply.Problem.RetryAfter = true, -1
		o.finish(nil, reply.Problem)
		return
	}
	l.agreed(o, reply.Result)
	o.finish(reply.Result, nil)
}

// up writes an op. Where that fails the connection has ended.
func (l *link) up(c *conn, o *op) error {
	c.ref++
	o.Ref = strconv.Itoa(c.ref)
	c.waiting[o.Ref] = o
	text, err := json.Marshal(o)
	if err == nil {
		err = c.wire.send(text)
	}
	if err != nil {
		delete(c.waiting, o.Ref)
		o.finish(nil, errLost)
	}
	return err
}
