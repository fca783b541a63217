package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Times of polling.
const (
	pollWait   = 25 * time.Second // for news
	pollWithin = pollWait + 10*time.Second
	pollGap    = 50 * time.Millisecond // so that a burst of messages makes few polls
	emptyGap   = time.Second           // when something between here and the server answers at once with nothing
	longestGap = time.Minute           // between ids: a cursor without one is of no use to another process
)

// answer is that to a poll.
type answer struct {
	Cursor string      `json:"cursor"`
	Events []wireEvent `json:"events"`
}

// poll asks once.
func (l *link) poll(ctx context.Context, after string, wait time.Duration) (a answer, bytes int, err error) {
	within := pollWithin
	if wait == 0 {
		within = helloWithin
	}
	ctx, cancel := context.WithTimeoutCause(ctx, within, errSilent)
	defer cancel()
	q := l.c.query(after)
	q.Set("wait", strconv.Itoa(int(wait/time.Second)))
	resp, err := l.c.get(ctx, LongPoll, q, "application/json")
	if err != nil {
		return a, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostEvent+1))
	if err != nil {
		return a, 0, err
	}
	if len(body) > mostEvent {
		return a, 0, errTooLong
	}
	if err := json.Unmarshal(body, &a); err != nil { // a login page of the network, perhaps
		return a, 0, fmt.Errorf("client: the answer is no poll's: %w", err)
	}
	if a.Cursor == "" {
		return a, 0, errors.New("client: the answer is no poll's: it has no cursor")
	}
	return a, len(body), nil
}

// polling asks once without waiting, for the hello that proves it, and then again and again.
type polling struct {
	ctx   context.Context // that of the connection
	stop  context.CancelFunc
	l     *link
	after string

	first      bool
	gap        time.Duration // before the next poll
	identified time.Time     // when the last id came
}

func openPoll(ctx context.Context, l *link, after string) (wire, error) {
	p := &polling{l: l, after: after, first: true}
	p.ctx, p.stop = context.WithCancel(ctx)
	return p, nil
}

func (p *polling) next() ([]item, error) {
	if err := pause(p.ctx, p.gap); err != nil {
		return nil, err
	}
	wait := pollWait
	if p.first || time.Since(p.identified) > longestGap {
		wait = 0
	}
	p.first = false
	began := time.Now()
	a, size, err := p.l.poll(p.ctx, p.after, wait)
	if err != nil {
		return nil, err
	}
	p.gap = pollGap
	if len(a.Events) == 0 && time.Since(began) < emptyGap {
		p.gap = emptyGap
	}
	p.after = a.Cursor
	var list []item
	for _, e := range a.Events {
		if e.ID != "" {
			p.identified = time.Now()
		}
		list = append(list, item{event: e, bytes: len(e.Data)})
	}
	return append(list, item{cursor: a.Cursor, bytes: size}), nil
}

func (p *polling) send([]byte) error { return errNoWay }

func (p *polling) close() { p.stop() }
