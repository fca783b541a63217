package dashboard

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// result is what the reply to an op carries.
type result map[string]any

// ops answers what a client of a WebSocket asks in band. stay holds its subscriptions and where it is.
func (d *Dashboard) ops(stay *stay) transport.Handler {
	return func(ctx context.Context, s *transport.Session, op transport.Op) transport.Reply {
		reply, err := d.do(ctx, s, op, stay)
		if err != nil {
			p := problem(err)
			return transport.Reply{Problem: p, Wrong: p.Status == http.StatusBadRequest}
		}
		return reply
	}
}

func (d *Dashboard) do(ctx context.Context, s *transport.Session, op transport.Op, stay *stay) (transport.Reply, error) {
	if len(op.Ref) > 64 {
		return transport.Reply{}, refuse(http.StatusBadRequest, "ref %q has %d bytes: at most 64 are allowed", clip(op.Ref), len(op.Ref))
	}
	if err := d.askAllow(ctx, stay.visit, op); err != nil {
		return transport.Reply{}, err
	}
	switch op.Op {
	case "subscribe":
		return d.subscribe(s, op.Sub, stay)
	case "unsubscribe":
		return d.unsubscribe(s, op.Sub, stay)
	case "join":
		return join(s, op.Room)
	case "leave":
		if !slices.Contains(s.Rooms(), op.Room) {
			return transport.Reply{}, refuse(http.StatusNotFound, "room %q: this session is not in it", clip(op.Room))
		}
		return transport.Reply{Result: result{"room": op.Room}, Leave: []string{op.Room}}, nil
	case "send":
		return d.sendOp(ctx, s, op, stay.from)
	case "ping":
		return transport.Reply{Result: result{"time": stamp(time.Now())}}, nil
	default:
		return transport.Reply{}, refuse(http.StatusBadRequest, "op %q: allowed are subscribe, unsubscribe, join, leave, send and ping", clip(op.Op))
	}
}

func (d *Dashboard) subscribe(s *transport.Session, text string, stay *stay) (transport.Reply, error) {
	sub, err := d.subscription(text, s.UnionID())
	if err != nil {
		return transport.Reply{}, err
	}
	topic := sub.String()
	reply := transport.Reply{Result: result{"sub": topic}}
	if topics := s.Topics(); slices.Contains(topics, topic) {
		return reply, nil
	} else if len(topics) >= mostSubscriptions {
		return reply, refuse(http.StatusBadRequest, "this session has %d subscriptions: at most %d are allowed", len(topics), mostSubscriptions)
	}
	if err := stay.watch(sub); err != nil {
		return reply, err
	}
	d.forgetOld([]feeds.Subscription{sub})
	reply.Subscribe = []string{topic}
	return reply, nil
}

func (d *Dashboard) unsubscribe(s *transport.Session, text string, stay *stay) (transport.Reply, error) {
	sub, err := d.subscription(text, s.UnionID())
	if err != nil {
		return transport.Reply{}, err
	}
	topic := sub.String()
	if !slices.Contains(s.Topics(), topic) {
		return transport.Reply{}, refuse(http.StatusNotFound, "sub %q: this session has no such subscription", clip(topic))
	}
	stay.release(topic)
	return transport.Reply{Result: result{"sub": topic}, Unsubscribe: []string{topic}}, nil
}

func join(s *transport.Session, room string) (transport.Reply, error) {
	if !transport.ValidName(room) {
		return transport.Reply{}, badRoom(room)
	}
	reply := transport.Reply{Result: result{"room": room}}
	if rooms := s.Rooms(); slices.Contains(rooms, room) {
		return reply, nil
	} else if len(rooms) >= mostRooms {
		return reply, refuse(http.StatusBadRequest, "this session is in %d rooms: at most %d are allowed", len(rooms), mostRooms)
	}
	reply.Join = []string{room}
	return reply, nil
}

func (d *Dashboard) sendOp(ctx context.Context, s *transport.Session, op transport.Op, from netip.Addr) (transport.Reply, error) {
	draft := draft{data: op.Data, key: op.Key, from: transport.Sender{UnionID: s.UnionID(), Name: s.Name()}, session: s.ID(), addr: from}
	if len(op.To) == 0 {
		return transport.Reply{}, errNoAddress
	}
	if err := json.Unmarshal(op.To, &draft.to); err != nil {
		return transport.Reply{}, err
	}
	receipt, err := d.send(ctx, draft)
	if err != nil {
		return transport.Reply{}, err
	}
	return transport.Reply{Result: receipt}, nil
}
