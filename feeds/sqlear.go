package feeds

import (
	"context"
	"errors"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// quietFor is how long a connection that listens hears nothing before it is asked whether it still is one.
	quietFor = 30 * time.Second
	// answersWithin is how long that, and connecting, may take.
	answersWithin = 10 * time.Second
)

// sqlEar listens to a PostgreSQL for all feeds of its URL, over one connection beside those of the pool. It lasts while somebody
// listens, and no longer than its connection.
type sqlEar struct {
	pool *sqlPool
	stop context.CancelFunc
	done chan struct{} // closed when the connection is
	err  error         // why it failed; set before done is closed

	hearers map[*sqlHearer]bool // whether they are ready; guarded by the pool's mu, like again
	again   context.CancelFunc  // ends a wait, so that it is looked for new ones
}

// sqlHearer is a feed that listens on a channel. Its functions must not block; they may be called once more when it has just ended.
type sqlHearer struct {
	channel string
	ready   func() // called once it is listened
	notice  func(payload string)
}

// hear listens until the connection fails or ctx ends.
func (p *sqlPool) hear(ctx context.Context, h *sqlHearer) error {
	e := p.lend(ctx, h)
	select {
	case <-e.done:
		return e.err
	case <-ctx.Done():
		p.withdraw(e, h)
		return nil
	}
}

// lend has the ear that there is listen for h too, or a new one.
func (p *sqlPool) lend(ctx context.Context, h *sqlHearer) *sqlEar {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ear == nil {
		own, stop := context.WithCancel(context.WithoutCancel(ctx)) // which no single feed ends
		e := &sqlEar{pool: p, stop: stop, done: make(chan struct{}), hearers: make(map[*sqlHearer]bool), again: func() {}}
		p.ear = e
		go e.run(own)
	}
	p.ear.hearers[h] = false
	p.ear.again()
	return p.ear
}

// withdraw has e listen no longer for h. The last one ends it, and waits for that.
func (p *sqlPool) withdraw(e *sqlEar, h *sqlHearer) {
	p.mu.Lock()
	delete(e.hearers, h)
	last := len(e.hearers) == 0
	if last && p.ear == e {
		p.ear = nil
	}
	p.mu.Unlock()
	if last {
		e.stop()
		<-e.done
	}
}

func (e *sqlEar) run(ctx context.Context) {
	defer close(e.done)
	defer e.stop()
	e.err = e.listen(ctx)
	e.pool.mu.Lock()
	defer e.pool.mu.Unlock()
	if e.pool.ear == e {
		e.pool.ear = nil
	}
}

// listen connects, and passes on what it hears until that fails or ctx ends.
func (e *sqlEar) listen(ctx context.Context) error {
	u, err := url.Parse(e.pool.key.url.Reveal())
	if err != nil {
		return err
	}
	config, err := postgresConfig(u)
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	conn, err := pgx.ConnectConfig(soon, config)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // nothing is lost with it
	}()
	channels := make(map[string]bool)
	for {
		err := e.attend(ctx, conn, channels)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// attend listens for those who are new, and then waits for one notification, for new ones, or until it has been quiet for long.
func (e *sqlEar) attend(ctx context.Context, conn *pgx.Conn, channels map[string]bool) error {
	quiet, again := context.WithTimeout(ctx, quietFor)
	defer again()
	for _, h := range e.newcomers(again) {
		if !channels[h.channel] {
			if err := listenTo(ctx, conn, h.channel); err != nil {
				return err
			}
			channels[h.channel] = true
		}
		h.ready()
	}
	n, err := conn.WaitForNotification(quiet)
	switch {
	case err == nil:
		for _, h := range e.on(n.Channel) {
			h.notice(n.Payload)
		}
		return nil
	case quiet.Err() == nil:
		return err
	case errors.Is(quiet.Err(), context.DeadlineExceeded):
		for channel := range channels { // as good as a ping, and the server's list goes on saying what this connection does
			if err := listenTo(ctx, conn, channel); err != nil {
				return err
			}
		}
	}
	return nil
}

// listenTo asks the server for a channel, for which it has answersWithin. A second time changes nothing.
func listenTo(ctx context.Context, conn *pgx.Conn, channel string) error {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	_, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
	return err
}

// newcomers are those who are not ready yet. Whoever comes later calls again.
func (e *sqlEar) newcomers(again context.CancelFunc) (list []*sqlHearer) {
	e.pool.mu.Lock()
	defer e.pool.mu.Unlock()
	e.again = again
	for h, ready := range e.hearers {
		if !ready {
			e.hearers[h] = true
			list = append(list, h)
		}
	}
	return list
}

// on are those who listen on a channel.
func (e *sqlEar) on(channel string) (list []*sqlHearer) {
	e.pool.mu.Lock()
	defer e.pool.mu.Unlock()
	for h := range e.hearers {
		if h.channel == channel {
			list = append(list, h)
		}
	}
	return list
}
