package transport

import (
	"context"
	"encoding/json"
	"slices"
	"time"
)

// Op is what a client asks in band, as PROTOCOL names the fields.
type Op struct {
	Op   string          `json:"op"`
	Ref  string          `json:"ref"`
	Sub  string          `json:"sub"`
	Room string          `json:"room"`
	Key  string          `json:"key"`
	To   json.RawMessage `json:"to"`
	Data json.RawMessage `json:"data"`
}

// Reply answers an op with a result or a problem. The changes of interests take effect together with it, so that it precedes what
// they bring.
type Reply struct {
	Result      any
	Problem     any  // RFC 9457
	Wrong       bool // the op made no sense; too many of those in a row end the stream
	Subscribe   []string
	Unsubscribe []string
	Join        []string
	Leave       []string
}

// Handler does what an op asks. It must return soon: the client's next op waits for it.
type Handler func(ctx context.Context, s *Session, op Op) Reply

// answer hands the reply to the session's writer and waits until it has been written.
func (s *Session) answer(ctx context.Context, ref string, r Reply) error {
	e := newEvent("reply", "", struct {
		Ref     string `json:"ref,omitempty"`
		Result  any    `json:"result,omitempty"`
		Problem any    `json:"problem,omitempty"`
	}{ref, r.Result, r.Problem})
	s.hub.mu.Lock()
	if s.replied == nil {
		s.replied = make(chan struct{}, 1)
	}
	s.reply = e
	s.change(r)
	stream, own := s.stream, context.Background()
	if stream == nil {
		own = s.await().ctx
	}
	s.hub.mu.Unlock()
	if s.presence && len(r.Join) > 0 {
		s.hub.refresh()
	}
	if stream == nil || !stream.step() {
		s.hub.mu.RLock()
		s.shard.wake(s)
		s.hub.mu.RUnlock()
	}
	select {
	case <-s.replied:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-own.Done():
		return context.Cause(own)
	}
}

// change swaps what the session watches and where it is. The hub is locked.
func (s *Session) change(r Reply) {
	if s.gone || len(r.Subscribe)+len(r.Unsubscribe)+len(r.Join)+len(r.Leave) == 0 {
		return
	}
	s.shard.settle()
	for _, topic := range r.Unsubscribe {
		s.unwatch(topic)
	}
	for _, topic := range r.Subscribe {
		if s.watching(topic) < 0 {
			s.watch(topic, 0)
		}
	}
	rooms := without(s.rooms, r.Leave)
	for _, room := range r.Join {
		if !slices.Contains(rooms, room) {
			rooms = append(rooms, room)
		}
	}
	if s.seen != nil {
		for _, room := range r.Leave {
			delete(s.seen.rooms, room)
		}
	}
	s.rooms = rooms
	s.hub.roll.move(s)
	s.hub.rollChanged()
}

// without is a copy of list that leaves some out.
func without(list, some []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(x string) bool { return slices.Contains(some, x) })
}

// hello is the first event of a stream.
func (s *Session) hello() *event {
	s.hub.mu.RLock()
	subs := s.topics()
	s.hub.mu.RUnlock()
	return newEvent("hello", s.pending.ID(), struct {
		Session   string   `json:"session"`
		Node      string   `json:"node"`
		Transport Kind     `json:"transport"`
		Cursor    string   `json:"cursor"`
		Subs      []string `json:"subs"`
		Heartbeat float64  `json:"heartbeat"`
		Time      stamp    `json:"time"`
	}{s.id, s.hub.opts.Node, s.kind, s.cursor(), subs, s.hub.opts.Heartbeat.Seconds(), stamp(time.Now())})
}

// heartbeat tells how far the client has been written to.
func (s *Session) heartbeat() *event {
	s.hub.mu.RLock()
	users, connections := s.hub.roll.totals()
	s.hub.mu.RUnlock()
	return newEvent("heartbeat", s.pending.ID(), struct {
		Time        stamp `json:"time"`
		Users       int   `json:"users"`
		Connections int   `json:"connections"`
	}{stamp(time.Now()), users, connections})
}

// stamp is a time as clients read it: RFC 3339, UTC, milliseconds.
type stamp time.Time

func (t stamp) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(t).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}
