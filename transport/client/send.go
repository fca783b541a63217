package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// To is who a message is for: all, a room, users wherever they are, or users in a room.
type To struct {
	All   bool     `json:"all,omitempty"`
	Room  string   `json:"room,omitempty"`
	Users []string `json:"users,omitempty"` // unionIds, 100 at most
}

// Receipt says that a message has its place.
type Receipt struct {
	ID string `json:"id"`
	// Online and Offline count the connections that it is for, or the users of a message to users.
	Online, Offline int `json:"-"`
	// Here and Away are the users of a message to users that were found on any node, and those that were not.
	Here, Away []string `json:"-"`
	// Degraded: the node is alone, and the message is for its clients only.
	Degraded bool `json:"degraded"`
}

// UnmarshalJSON reads counts or users.
func (r *Receipt) UnmarshalJSON(b []byte) error {
	type plain Receipt // without this method
	found := struct {
		*plain
		Online  json.RawMessage `json:"online"`
		Offline json.RawMessage `json:"offline"`
	}{plain: (*plain)(r)}
	if err := json.Unmarshal(b, &found); err != nil {
		return err
	}
	var err1, err2 error
	r.Online, r.Here, err1 = counted(found.Online)
	r.Offline, r.Away, err2 = counted(found.Offline)
	return errors.Join(err1, err2)
}

func counted(raw json.RawMessage) (n int, users []string, err error) {
	if bytes.HasPrefix(raw, []byte("[")) {
		err = json.Unmarshal(raw, &users)
		return len(users), users, err
	}
	err = json.Unmarshal(raw, &n)
	return n, nil, err
}

// draft is a message on its way.
type draft struct {
	To   To              `json:"to"`
	Data json.RawMessage `json:"data"`
	Key  string          `json:"key"`
}

// Times of a message that is not answered.
const (
	answerWithin = 10 * time.Second
	sendAgain    = time.Second // most, at random
)

// Send sends data, any JSON of 8 KiB at most, and returns when the message has its place in the order. Where there is no answer it sends
// it again under the same key, until ctx ends: it is placed once. What the server refuses is a *Problem.
func (c *Client) Send(ctx context.Context, to To, data any) (Receipt, error) {
	return c.SendAs(ctx, rand.Text(), to, data)
}

// SendAs is Send with a key of the program's, 64 characters at most, by which the server recognises a repeat of this message even from
// another process. It does so for as long as messages are kept, per UnionID; a client without one is known by its connection.
func (c *Client) SendAs(ctx context.Context, key string, to To, data any) (Receipt, error) {
	if c.bad != nil {
		return Receipt{}, c.bad
	}
	raw, err := json.Marshal(data)
	if err != nil {
		return Receipt{}, fmt.Errorf("client: data of a message: %w", err)
	}
	o := &op{Op: "send", draft: &draft{To: to, Data: raw, Key: key}}
	if c.opts.UnionID == "" { // then it is the session for which the key counts: all repeats name the same
		c.set(func(c *Client) { o.session = c.session })
	}
	for inBand := true; ; inBand = false { // who gets no answer there asks elsewhere
		receipt, err := c.try(ctx, o, inBand)
		var p *Problem
		switch {
		case err == nil || ctx.Err() != nil:
			return receipt, err
		case errors.As(err, &p) && (p.final() || p.Status < 500 && p.Status != http.StatusTooManyRequests && p.Status != http.StatusRequestTimeout):
			return receipt, err
		}
		delay := spread(sendAgain)
		if p != nil && p.RetryAfter > 0 {
			delay += p.RetryAfter
		}
		if err := pause(ctx, delay); err != nil {
			return receipt, err
		}
	}
}

// try sends a message once: in band where that is possible and wanted.
func (c *Client) try(ctx context.Context, o *op, inBand bool) (r Receipt, err error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if l := c.hasWayUp(o.session); inBand && l != nil {
		result, err := l.do(ctx, l.sends, o)
		if !errors.Is(err, errNoWay) {
			if err == nil {
				err = json.Unmarshal(result, &r)
			}
			return r, err
		}
	}
	return c.post(ctx, o)
}

// hasWayUp is the link when a message may go in band: the connection is a WebSocket, and the key counts for its sender.
func (c *Client) hasWayUp(session string) *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.link == nil || c.state.Transport != WebSocket || c.opts.UnionID == "" && c.session != session {
		return nil
	}
	return c.link
}

func (c *Client) post(ctx context.Context, o *op) (r Receipt, err error) {
	body, err := json.Marshal(struct {
		*draft
		UnionID string `json:"unionId,omitempty"`
		Name    string `json:"name,omitempty"`
		Session string `json:"session,omitempty"`
	}{o.draft, c.opts.UnionID, c.opts.Name, o.session})
	if err != nil {
		return r, fmt.Errorf("client: message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.opts.address("/api/messages"), bytes.NewReader(body))
	if err != nil {
		return r, err
	}
	c.dress(req)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return r, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		return r, refusal(resp)
	}
	return r, json.NewDecoder(io.LimitReader(resp.Body, mostRefusal)).Decode(&r)
}
