package client

import (
	"context"
	"sync"
	"time"
)

// conn is one connection.
type conn struct {
	transport Transport
	ctx       context.Context
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
