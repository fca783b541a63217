package client

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"
)

// wire is an open connection, used by one goroutine; send may be called by another.
type wire interface {
	// next returns what comes next: at least one item, or an error when the connection has ended.
	next() ([]item, error)
	// send writes an op; errNoWay where that is not possible.
	send(text []byte) error
	close()
}

// item is one thing that came over a wire.
type item struct {
	event  wireEvent
	cursor string // an event-less move on, when the items before have been taken
	bytes  int

	opened wire  // the first item of a connection
	end    error // the last
}

// opener opens a connection from a position. The context ends it.
type opener func(ctx context.Context, l *link, after string) (wire, error)

var openers = map[Transport]opener{WebSocket: openSocket, SSE: openStream, LongPoll: openPoll}

// query is the live query from a position.
func (c *Client) query(after string) url.Values {
	c.mu.Lock()
	defer c.mu.Unlock()
	q := url.Values{"sub": c.subs, "room": c.rooms}
	set := func(name, value string) {
		if value != "" {
			q.Set(name, value)
		}
	}
	set("unionId", c.opts.UnionID)
	set("name", c.opts.Name)
	set("session", c.session)
	set("after", after)
	if c.opts.Presence {
		q.Set("presence", "1")
	}
	return q
}

// dress puts on a request what all have.
func (c *Client) dress(req *http.Request) {
	for name, values := range c.opts.Header {
		req.Header[name] = values
	}
}

// get asks the live address by one of its names.
func (c *Client) get(ctx context.Context, transport Transport, q url.Values, accept string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.opts.address("/live/"+string(transport)+"?"+q.Encode()), nil)
	if err != nil {
		return nil, err
	}
	c.dress(req)
	req.Header.Set("Accept", accept)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, refusal(resp)
	}
	return resp, nil
}

// pause waits for d, or returns the cause of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// spread is a random part of d, so that programs do not come back all at once.
func spread(d time.Duration) time.Duration {
	return time.Duration(rand.Float64() * float64(d)) // #nosec G404 -- spreads load, guards nothing
}
