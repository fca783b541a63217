package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// talker is a client in one room of the log that speaks nothing but text: what it says is a message to the room, and each message to the room
// is a text for it, its own included.
type talker struct {
	d        *Dashboard
	room     string
	visit    *Visit
	addr     netip.Addr // not valid where that is not known
	follower *transport.Follower

	// give writes one text to the client, and may wait for it. It is called concurrently.
	give func(ctx context.Context, text string) error
	// bye tells the client why it ends, which also ends what waits for the client to speak.
	bye func(err error)
}

// takeIn has a client follow the room before it is told that it is in. The caller must close the follower.
func (d *Dashboard) takeIn(ctx context.Context, v *Visit, room string, addr netip.Addr) (*talker, error) {
	o := transport.Opening{Session: v.Session, UnionID: v.UnionID, Name: v.Name, Rooms: []string{room}}
	follower, err := d.hub.OpenFollower(ctx, o, v.Transport)
	if err != nil {
		return nil, err
	}
	return &talker{d: d, room: room, visit: v, addr: addr, follower: follower}, nil
}

// stay has the talker hear and say things until ctx or the session ends. next returns what the client says.
func (g *talker) stay(ctx context.Context, next func(context.Context) (string, error)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var listening sync.WaitGroup
	defer listening.Wait()
	defer cancel(nil)
	listening.Go(func() { cancel(g.listen(ctx, next)) })
	err := g.follower.Run(ctx, func(ctx context.Context, text []byte) error { return g.give(ctx, string(text)) })
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	g.bye(err)
	return err
}

// listen takes what the client says, one after the other, so that it stays in order. A panic ends the visit, and not the program.
func (g *talker) listen(ctx context.Context, next func(context.Context) (string, error)) (err error) {
	defer func() {
		if p := recover(); p != nil {
			g.d.log.Error("panic", "room", g.room, "panic", p, "stack", string(debug.Stack()))
			err = errPanicked
		}
	}()
	for {
		text, err := next(ctx)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if err := g.say(ctx, text); err != nil {
			return err
		}
	}
}

// say sends a text to the room. What cannot be sent the client is told.
func (g *talker) say(ctx context.Context, text string) error {
	err := g.send(ctx, text)
	g.d.metrics.said("/"+g.room, err == nil)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	return g.give(ctx, string(errorText(problem(err).Detail)))
}

func (g *talker) send(ctx context.Context, text string) error {
	data, err := marshal(text)
	if err != nil {
		return err
	}
	return g.d.sendOf(ctx, g.visit, draft{to: transport.Address{Room: g.room}, data: data, session: g.follower.Session(), addr: g.addr})
}

// sendOf sends a message of a client that stays, if the program allows it.
func (d *Dashboard) sendOf(ctx context.Context, v *Visit, m draft) error {
	to, err := marshal(m.to)
	if err != nil {
		return err
	}
	if err := d.askAllow(ctx, v, transport.Op{Op: "send", To: to, Data: m.data}); err != nil {
		return err
	}
	m.from = transport.Sender{UnionID: v.UnionID, Name: v.Name}
	_, err = d.send(ctx, m)
	return err
}

// partingWithin is how long a client may take to hear why it ends.
const partingWithin = time.Second

// cutLate ends what waits for the client a moment after ctx: what can be written still is, and the goodbye behind it.
func cutLate(ctx context.Context, cut func()) (stop func() bool) {
	return context.AfterFunc(ctx, func() { time.AfterFunc(partingWithin, cut) })
}

// goodbye is the close code that tells why a client's time has ended; 0: it went, or the network did.
func goodbye(err error) (code int, reason string) {
	switch {
	case err == nil:
		return wsconn.ServiceRestart, "restart"
	case errors.Is(err, wsconn.ErrSlow):
		return wsconn.TooSlow, "too slow"
	case errors.Is(err, transport.ErrTokenEnded):
		return wsconn.TokenEnded, transport.ErrTokenEnded.Error()
	case errors.Is(err, transport.ErrWithdrawn):
		return wsconn.Withdrawn, transport.ErrWithdrawn.Error()
	case errors.Is(err, transport.ErrClosed):
		return wsconn.GoingAway, "the server goes away"
	}
	return 0, ""
}
