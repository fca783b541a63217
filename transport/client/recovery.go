package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// Times of recovery.
const (
	helloWithin  = 5 * time.Second  // that a rung has to deliver its hello
	settled      = 10 * time.Second // after which a connection counts as one that worked
	climbAfter   = 30 * time.Second // until better rungs are tried again; doubles
	climbLongest = 5 * time.Minute
	overloaded   = 5 * time.Second // to stay away after 1013 without a bye
	stayLongest  = time.Hour       // to stay away, whatever a server says
)

const tryAgainLater = 1013 // the close code of who is overloaded

// recovery is what a link knows of its troubles. The rungs of its ladder are Options.Transports.
type recovery struct {
	rung       int
	works      map[int]bool // rungs that have delivered a hello
	strikes    int          // times that this rung failed while the server answered
	failures   int          // in a row
	troubleAt  time.Time    // the first of them
	stuck      int          // times that this rung held news back
	climbDelay time.Duration
	why        error // the last connection ended
	lost       bool  // the loop knows that there is none
}

func newRecovery() recovery { return recovery{works: make(map[int]bool), climbDelay: climbAfter} }

// recover decides how to come back after a connection has ended, and waits until then. An error is for good.
func (l *link) recover(ctx context.Context, c *conn, end error) error {
	if errors.Is(end, errReopen) {
		return nil
	}
	lived := time.Duration(0)
	if c.greeted {
		lived = time.Since(c.since)
	}
	if lived > settled {
		l.failures = 0
	}
	if lived > 2*climbAfter {
		l.climbDelay, l.stuck = climbAfter, 0
	}
	l.why = end
	var p *Problem
	switch code := wsconn.CloseCode(end); {
	case code == wsconn.WrongFrames || code == wsconn.TokenEnded || code == wsconn.Withdrawn:
		return &Closed{code}
	case c.bye != nil && c.bye.Retry >= 0:
		return l.stayAway(ctx, c.bye.Retry)
	case code == tryAgainLater:
		return l.stayAway(ctx, overloaded)
	case errors.As(end, &p) && (p.spoken || c.greeted || p.RetryAfter >= 0):
		return l.refused(ctx, p)
	case code == wsconn.Unsupported || code == wsconn.NotUTF8 || code == wsconn.TooBig:
		l.rung = (l.rung + 1) % len(l.c.opts.Transports)
	case code == wsconn.TooSlow && lived > time.Second:
		return nil
	case c.greeted:
	case l.rung == len(l.c.opts.Transports)-1:
		l.rung = 0
	default:
		return l.probe(ctx)
	}
	return l.stayAway(ctx, l.jitter())
}

// tellLost tells the loop and State, once, that there is no connection for a while.
func (l *link) tellLost() {
	if l.lost {
		return
	}
	l.lost = true
	l.queue = append(l.queue, queued{event: Lost{Err: l.why}})
	l.c.set(func(c *Client) { c.state = State{Since: time.Now(), Err: l.why} })
	l.c.opts.Logger.Warn("connection to pulsewall lost", "err", l.why)
}

// stayAway waits until it is time to connect again.
func (l *link) stayAway(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	l.tellLost()
	until := make(chan error, 1)
	timer := time.AfterFunc(d, func() { until <- nil })
	defer timer.Stop()
	_ = l.idle(ctx, until) // run looks at ctx
	return nil
}

// refused obeys a status. One that no pulsewall said is the network's own, and passes.
func (l *link) refused(ctx context.Context, p *Problem) error {
	switch {
	case p.Status == http.StatusUpgradeRequired && p.spoken && l.rung < len(l.c.opts.Transports)-1:
		l.rung++ // something on the way ate the handshake
		return nil
	case p.final() && l.changing != nil:
		o := l.changing
		l.changing = nil
		l.c.set(func(c *Client) { c.subs, c.rooms = o.subs, o.rooms })
		o.finish(nil, p)
		return nil
	case p.final():
		return p
	case p.RetryAfter >= 0:
		return l.stayAway(ctx, p.RetryAfter+spread(time.Second))
	}
	return l.stayAway(ctx, l.jitter())
}

// probe asks the same query by a plain request. Its answer tells a rung that does not get through from a server that nothing gets
// through to. A rung that worked before has two tries, since a server that has just come back looks the same.
func (l *link) probe(ctx context.Context) error {
	l.tellLost()
	answered := make(chan error, 1)
	after := l.after
	asking, stop := context.WithCancel(ctx)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		_, _, err := l.poll(asking, after, 0)
		answered <- err
	}()
	err := l.idle(ctx, answered)
	stop()
	<-finished
	var p *Problem
	switch {
	case err == nil:
		if l.strikes++; !l.works[l.rung] || l.strikes > 1 {
			l.rung, l.strikes = l.rung+1, 0
		}
		return nil
	case ctx.Err() != nil:
		return nil
	case errors.As(err, &p):
		return l.refused(ctx, p)
	}
	return l.stayAway(ctx, l.jitter())
}

// jitter is a random delay, so that a restarted server is not met by every program at once.
func (l *link) jitter() time.Duration {
	if l.failures == 0 {
		l.troubleAt = time.Now()
	}
	l.failures++
	most := 3 * time.Second
	if time.Since(l.troubleAt) >= 2*time.Minute {
		most = 30 * time.Second
	}
	return spread(min(most, 500*time.Millisecond<<min(l.failures, 10)))
}

// proved notes that a rung works.
func (l *link) proved(c *conn) {
	l.works[l.rung] = true
	l.strikes, l.lost = 0, false
	if l.rung > 0 {
		c.climb.Reset(l.climbDelay)
	}
}
