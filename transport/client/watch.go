package client

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// Times of watching.
const (
	lateBy       = 2 * time.Second // that a due reading may be
	answerOfPing = 2 * time.Second
	silenceOf    = pollWithin      // is part of the way a long poll works
	slept        = 5 * time.Second // that the wall clock went on between two ticks: the machine slept
)

// watch looks after a connection.
type watch struct {
	greeting *time.Timer
	ticker   *time.Ticker
	climb    *time.Timer
	asked    chan asked // size 1: one question at a time
	better   chan int   // size 1: one trial at a time

	ticked   time.Time // on the wall clock
	checking bool
	pinged   time.Time   // when a ping went out that is not answered; zero: none
	again    time.Time   // when to ask next at the earliest
	owed     []wireEvent // what an answer beside the stream had, and the stream should bring by the next tick
}

// asked is the answer to a question beside the stream.
type asked struct {
	answer
	err error
}

func newWatch() watch {
	w := watch{
		greeting: time.NewTimer(helloWithin), ticker: time.NewTicker(time.Second), climb: time.NewTimer(time.Hour),
		asked: make(chan asked, 1), better: make(chan int, 1), ticked: time.Now().Round(0),
	}
	w.climb.Stop()
	return w
}

func (w *watch) stop() {
	w.greeting.Stop()
	w.ticker.Stop()
	w.climb.Stop()
}

// tick runs each second, and ends a connection that is silent or holds something back.
func (l *link) tick(c *conn) error {
	now := time.Now()
	gap := now.Round(0).Sub(c.ticked)
	c.ticked = now.Round(0)
	if !c.greeted || l.incoming(c) == nil { // the loop is behind: nobody listens
		c.heard = now
		if !c.pinged.IsZero() {
			c.pinged = now
		}
		return nil
	}
	quiet := l.heartbeat * 5 / 2
	if c.transport == LongPoll {
		quiet = max(quiet, silenceOf)
	}
	owed := c.owed
	c.owed = nil
	awake := gap < slept && gap > -time.Second
	switch {
	case !c.pinged.IsZero() && now.Sub(c.pinged) > answerOfPing, awake && now.Sub(c.heard) > quiet:
		return errSilent
	case l.newer(owed):
		if l.stuck++; l.stuck > 1 { // it says hello and holds the rest back
			l.rung = (l.rung + 1) % len(l.c.opts.Transports)
		}
		return errHeld
	case c.checking:
		return nil
	case !awake:
		l.clock.forget()
		return l.check(c)
	case now.After(c.again) && l.readings.late(l.clock.now(), lateBy):
		return l.check(c)
	}
	return nil
}

// check asks whether the connection still lives and holds nothing back.
func (l *link) check(c *conn) error {
	c.checking, c.again = true, time.Now().Add(l.heartbeat)
	if c.canSend() {
		c.pinged = time.Now()
		o := &op{Op: "ping", done: make(chan opResult, 1)}
		if err := l.up(c, o); err != nil {
			return err
		}
		c.own.Go(func() {
			select {
			case r := <-o.done:
				c.asked <- asked{err: r.err}
			case <-c.ctx.Done():
			}
		})
		return nil
	}
	after := l.after
	c.own.Go(func() {
		ctx, stop := context.WithTimeoutCause(c.ctx, answerOfPing, errSilent)
		defer stop()
		a, _, err := l.poll(ctx, after, 0)
		c.asked <- asked{a, err}
	})
	return nil
}

// answerOfCheck takes the answer, or ends the connection where there was none.
func (l *link) answerOfCheck(c *conn, a asked) error {
	c.checking, c.pinged = false, time.Time{}
	var p *Problem
	if errors.As(a.err, &p) && p.spoken && (p.Status == http.StatusTooManyRequests || p.Status == http.StatusServiceUnavailable) {
		return nil // it has better things to do, but it lives
	}
	if a.err != nil {
		return a.err
	}
	c.heard, c.owed = time.Now(), a.Events
	for _, e := range a.Events {
		if known, err := e.decode(); err == nil {
			if hello, is := known.(Hello); is {
				l.clock.learn(hello.Time)
			}
		}
	}
	return nil
}

// newer says whether there is something among the events that has not come.
func (l *link) newer(events []wireEvent) bool {
	for _, w := range events {
		e, err := w.decode()
		if err != nil {
			continue
		}
		switch known := e.(type) {
		case Message:
			if !l.seen.has(w.ID) {
				return true
			}
		case Reading:
			if known.Version > l.readings[known.Sub].Version {
				return true
			}
		case Reset:
			return true
		}
	}
	return false
}

// climb tries the better rungs beside the one that works, the best first.
func (l *link) climb(c *conn) {
	l.climbDelay = min(climbLongest, 2*l.climbDelay)
	rungs, after := l.c.opts.Transports[:l.rung], l.after
	c.own.Go(func() {
		for i, t := range rungs {
			if l.try(c.ctx, t, after) {
				c.better <- i
				return
			}
		}
		c.better <- -1
	})
}

// try says whether a transport delivers a hello.
func (l *link) try(ctx context.Context, t Transport, after string) bool {
	ctx, stop := context.WithTimeout(ctx, helloWithin)
	defer stop()
	w, err := openers[t](ctx, l, after)
	if err != nil {
		return false
	}
	closed := make(chan struct{})
	finished := context.AfterFunc(ctx, func() {
		w.close()
		close(closed)
	})
	defer func() {
		if finished() {
			w.close()
		} else {
			<-closed
		}
	}()
	items, err := w.next()
	return err == nil && len(items) > 0 && items[0].event.Event == "hello"
}

// climbed takes the better rung that a trial found; negative: it found none.
func (l *link) climbed(c *conn, rung int) error {
	if rung < 0 {
		c.climb.Reset(l.climbDelay)
		return nil
	}
	l.rung, l.climbDelay = rung, climbAfter
	return errReopen
}
