package client

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// change carries out an op on subscriptions or rooms: in band, or by another connection, for which this one ends with the error that it
// returns. That may be the loop's own op: it takes nothing of what has come before it is answered. c is nil while there is no connection.
func (l *link) change(c *conn, o *op) error {
	if o.Op == "unsubscribe" {
		o.Sub = l.asked(o.Sub)
	}
	subs, rooms := l.c.Subs(), l.c.Rooms()
	switch here := slices.Contains(subs, o.Sub) || slices.Contains(rooms, o.Room); {
	case here && (o.Op == "subscribe" || o.Op == "join"), !here && (o.Op == "unsubscribe" || o.Op == "leave"):
		o.finish(l.named(o.Sub), nil)
		return nil
	case c != nil && c.canSend():
		return l.up(c, o)
	}
	o.subs, o.rooms = subs, rooms
	l.c.set(o.apply)
	if o.Op == "subscribe" {
		l.after = l.id // which knows no versions: a reading that was there before comes again
	}
	l.changing = o
	if c != nil && c.over != nil {
		return c.over
	}
	return errReopen
}

// sendUp sends a message in band, if the connection is one that can.
func (l *link) sendUp(c *conn, o *op) error {
	if !c.canSend() {
		o.finish(nil, errNoWay)
		return nil
	}
	return l.up(c, o)
}

// asked is how a subscription was asked for.
func (l *link) asked(sub string) string {
	for _, asked := range l.c.Subs() {
		if asked == sub || l.names[asked] == sub {
			return asked
		}
	}
	return sub
}

// named is the result of a subscription whose canonical form is known.
func (l *link) named(sub string) json.RawMessage {
	raw, _ := json.Marshal(map[string]string{"sub": l.names[sub]}) // strings only
	return raw
}

// agreed notes what the server has agreed to in band.
func (l *link) agreed(o *op, result json.RawMessage) {
	var r struct {
		Sub  string    `json:"sub"`
		Time time.Time `json:"time"`
	}
	_ = json.Unmarshal(result, &r) // of a message it is something else
	switch o.Op {
	case "ping":
		l.clock.learn(r.Time)
		return
	case "send":
		return
	case "subscribe":
		l.names[o.Sub] = r.Sub
	case "unsubscribe":
		delete(l.readings, r.Sub)
	}
	l.c.set(o.apply)
}

// greet makes a connection that said hello the one that counts.
func (l *link) greet(c *conn, hello Hello, id string) {
	c.greeted, c.since = true, time.Now()
	if hello.Heartbeat > 0 {
		l.heartbeat = time.Duration(max(1, min(hello.Heartbeat, 3600)) * float64(time.Second)) // whatever a server says
	}
	if len(hello.Subs) == len(c.subs) {
		for i, sub := range c.subs {
			l.names[sub] = hello.Subs[i]
		}
	}
	for sub := range l.readings {
		if !slices.Contains(hello.Subs, sub) {
			delete(l.readings, sub)
		}
	}
	if l.after == "" {
		l.after, l.id = id, id
	}
	l.c.set(func(client *Client) {
		client.session = hello.Session
		client.state = State{Connected: true, Transport: c.transport, Node: hello.Node, Since: c.since}
		if client.cursor == "" {
			client.cursor = id
		}
	})
	l.c.opts.Logger.Info("connected to pulsewall", "transport", c.transport, "node", hello.Node, "session", hello.Session)
	if o := l.changing; o != nil {
		l.changing = nil
		o.finish(l.named(o.Sub), nil)
	}
	l.proved(c)
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
		if reply.Problem.Status == http.StatusNotFound && o.ends() {
			l.c.set(o.apply)
		}
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
