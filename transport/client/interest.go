package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
)

// Subscribe asks for readings of one more subscription and returns its canonical form, under which they come; it is empty while Events
// does not run. It returns when the server has agreed: on WebSocket in band, else by connecting anew. What the server refuses is a
// *Problem and changes nothing.
func (c *Client) Subscribe(ctx context.Context, sub string) (canonical string, err error) {
	return c.change(ctx, &op{Op: "subscribe", Sub: sub})
}

// Unsubscribe ends a subscription, named as it was asked for or canonical. One that there is not has ended.
func (c *Client) Unsubscribe(ctx context.Context, sub string) error {
	_, err := c.change(ctx, &op{Op: "unsubscribe", Sub: sub})
	return err
}

// Join enters a room. Its messages come from then on.
func (c *Client) Join(ctx context.Context, room string) error {
	_, err := c.change(ctx, &op{Op: "join", Room: room})
	return err
}

// Leave leaves a room. What was said in it and has not come yet does not come any more, but for what this program has read already. Who is
// not there has left.
func (c *Client) Leave(ctx context.Context, room string) error {
	_, err := c.change(ctx, &op{Op: "leave", Room: room})
	return err
}

// op is what a client asks in band, as it is written, and where the answer goes.
type op struct {
	Op   string `json:"op"`
	Ref  string `json:"ref"`
	Sub  string `json:"sub,omitempty"`
	Room string `json:"room,omitempty"`
	*draft

	session string // of a message: for which its key counts
	done    chan opResult
	subs    []string // of a change under way: what there was before it
	rooms   []string
}

// opResult is the answer to an op.
type opResult struct {
	result json.RawMessage
	err    error
}

// finish answers. Nobody waits for it twice.
func (o *op) finish(result json.RawMessage, err error) { o.done <- opResult{result, err} }

// change carries out an op that changes what comes, however often the connection is lost meanwhile.
func (c *Client) change(ctx context.Context, o *op) (canonical string, err error) {
	if c.bad != nil {
		return "", c.bad
	}
	for {
		l := c.running()
		if l == nil {
			c.set(o.apply)
			return "", nil
		}
		result, err := l.do(ctx, l.changes, o)
		if errors.Is(err, errLost) {
			continue
		}
		var p *Problem
		if errors.As(err, &p) && p.Status == http.StatusNotFound && o.ends() {
			err = nil
		}
		var reply struct {
			Sub string `json:"sub"`
		}
		if err == nil && result != nil {
			err = json.Unmarshal(result, &reply)
		}
		return reply.Sub, err
	}
}

// ends says whether the op ends something, so that it is done where there is nothing.
func (o *op) ends() bool { return o.Op == "leave" || o.Op == "unsubscribe" }

// apply changes what the client asks for when it connects. The client is locked.
func (o *op) apply(c *Client) {
	switch o.Op {
	case "subscribe":
		c.subs = with(c.subs, o.Sub)
	case "unsubscribe":
		c.subs = without(c.subs, o.Sub)
	case "join":
		c.rooms = with(c.rooms, o.Room)
	case "leave":
		c.rooms = without(c.rooms, o.Room)
	}
}

func with(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(slices.Clone(list), s)
}

func without(list []string, s string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == s })
}

// do gives an op to the link and waits for its answer: errLost when the link or its connection ended before it came.
func (l *link) do(ctx context.Context, to chan *op, o *op) (json.RawMessage, error) {
	asked := *o
	asked.done = make(chan opResult, 1)
	select {
	case to <- &asked:
	case <-l.done:
		return nil, errLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select {
	case r := <-asked.done:
		return r.result, r.err
	case <-l.done:
		return nil, errLost
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
