package dashboard

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster"
	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

const (
	channelPath  = "/channel"
	channelKind  = transport.Kind("channel")
	channelPing  = 15 * time.Second
	channelQuiet = 35 * time.Second // without a sign of the client
	channelWrite = 10 * time.Second // without any movement
	channelKeeps = 32 << 10         // bytes of a buffer for what is written next; 64 large frames at once are rare
)

var channelPattern = regexp.MustCompile(`^[A-Za-z0-9_]{32}$`)

// endOf reads which end of which channel a query names.
func endOf(r *http.Request) (cluster.End, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return cluster.End{}, err
	}
	end := cluster.End{Channel: q.Get("channelId"), Type: q.Get("type")}
	if end.Type != "app" && end.Type != "web" {
		return cluster.End{}, refuse(http.StatusBadRequest, "type %q: allowed are app and web, the two ends of a channel", clip(end.Type))
	}
	if !channelPattern.MatchString(end.Channel) {
		return cluster.End{}, refuse(http.StatusBadRequest, "channelId %q: want 32 of A–Z a–z 0–9 _ (POST /api/channels makes one)", clip(end.Channel))
	}
	return end, nil
}

// postChannel makes the name of a new channel: 32 characters that nobody can guess.
func (d *Dashboard) postChannel(w http.ResponseWriter, r *http.Request) {
	if err := d.checkOrigin(r); err != nil {
		d.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]string{"channelId": (rand.Text() + rand.Text())[:32]})
}

// getChannel connects a client with one end of a channel. Its frames go to the other end as they are.
func (d *Dashboard) getChannel(w http.ResponseWriter, r *http.Request) {
	if err := checkHandshake(w, r); err != nil {
		d.refuse(w, r, err)
		return
	}
	end, err := endOf(r)
	if err != nil {
		d.refuse(w, r, err)
		return
	}
	d.enter(w, r, &Visit{Transport: channelKind}, func(r *http.Request) error {
		client := &channelClient{settled: make(chan struct{})}
		settle := sync.OnceFunc(func() { close(client.settled) })
		defer settle()
		held, err := d.cluster.Register(r.Context(), end, client.ping)
		if errors.Is(err, cluster.ErrTaken) {
			return refuse(http.StatusConflict, "the end %s of channel %s is taken: who has it answers", end.Type, end.Channel)
		}
		if err != nil {
			return err
		}
		defer held.Close()
		conn, err := wsconn.Accept(w, r, wsconn.Options{ReadLimit: cluster.MaxFrame, WriteTimeout: channelWrite, Binary: true})
		if err != nil {
			return err
		}
		client.conn = conn
		settle()
		return client.serve(r.Context(), held)
	})
}

// channelClient is whoever holds an end of a channel.
type channelClient struct {
	settled chan struct{} // closed when it is connected, or will not be
	conn    *wsconn.Conn  // nil: it will not be; not before settled
}

// ping asks for a sign of life. Who is still connecting has given one.
func (c *channelClient) ping(ctx context.Context) error {
	select {
	case <-c.settled:
	case <-ctx.Done():
		return nil
	}
	if c.conn == nil {
		return net.ErrClosed
	}
	return c.conn.Ping(ctx)
}

// serve passes frames on in both directions until the connection or the registration ends.
func (c *channelClient) serve(ctx context.Context, held *cluster.Registration) error {
	conn := c.conn
	defer conn.CloseNow()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(ctx, conn.Stop)()
	var running sync.WaitGroup
	running.Go(func() {
		for {
			frame, err := conn.Read()
			if err != nil {
				cancel(err)
				return
			}
			held.Send(frame)
		}
	})
	running.Go(func() { cancel(conn.Tend(ctx, channelPing, channelQuiet)) })
	running.Go(func() { cancel(c.write(ctx, held)) })
	<-ctx.Done()
	err := context.Cause(ctx)
	held.Close() // before the goodbye, which may take seconds
	c.goodbye(err)
	running.Wait()
	return err
}

// write writes what comes from the other end.
func (c *channelClient) write(ctx context.Context, held *cluster.Registration) error {
	var out []byte
	for {
		frames, err := held.Receive(ctx)
		if err != nil {
			return err
		}
		out = out[:0]
		for _, frame := range frames {
			out = append(out, wsconn.BinaryFrame(frame)...)
		}
		if err := c.conn.Write(out); err != nil {
			return err
		}
		if cap(out) > channelKeeps {
			out = nil
		}
	}
}

// goodbye closes the connection with the code that tells why.
func (c *channelClient) goodbye(err error) {
	code, reason := goodbye(err)
	switch {
	case errors.Is(err, cluster.ErrReplaced):
		code, reason = wsconn.Replaced, "another connection has taken this end over"
	case errors.Is(err, cluster.ErrExpired):
		code, reason = wsconn.GoingAway, "a registration lasts a day: connect again"
	case errors.Is(err, cluster.ErrReleased):
		code, reason = wsconn.ServiceRestart, "restart"
	}
	if code == 0 { // the network, or the client has gone
		c.conn.CloseNow()
		return
	}
	c.conn.Close(code, reason)
}

// getLink takes a link of another node.
func (d *Dashboard) getLink(w http.ResponseWriter, r *http.Request) {
	if err := checkHandshake(w, r); err != nil {
		d.refuse(w, r, err)
		return
	}
	err := d.cluster.ServeLink(w, r)
	switch {
	case errors.Is(err, cluster.ErrNoLinks):
		err = refuse(http.StatusNotFound, "there is nothing at %q", clip(r.URL.Path))
	case errors.Is(err, cluster.ErrStranger):
		err = refuse(http.StatusForbidden, "this address is for the other nodes, which know the secret that this one was started with")
	}
	if err != nil {
		d.refuse(w, r, err)
	}
}
