package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/pulsewall/pulsewall/transport/patient"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// TextConn is a WebSocket whose client speaks bare text, as older clients do, and the session that it is. Its methods may be called
// concurrently, Read and Become by one goroutine. ServeText runs and closes it.
type TextConn struct {
	*Follower
	conn *wsconn.Conn
	end  context.CancelCauseFunc // of what serve does
}

// ServeText upgrades r and serves a session of kind until it or the context of r ends. Each message for it is written as one text: data
// that is a string bare, any other as JSON; and where some may be missing, {"error":"…"}. What the client says is for serve, which reads until it fails and returns that error; when
// it returns, or its context ends, the connection is over. The caller has checked the handshake, the origin and o.
func (h *Hub) ServeText(w http.ResponseWriter, r *http.Request, o Opening, kind Kind, serve func(context.Context, *TextConn) error) error {
	f, err := h.OpenFollower(r.Context(), o, kind)
	if err != nil {
		return err
	}
	defer f.Close()
	setStreamHeaders(w.Header())
	conn, err := wsconn.Accept(w, r, wsconn.Options{ReadLimit: mostFrame, WriteTimeout: h.opts.WriteTimeout})
	if err != nil {
		return err
	}
	defer f.s.endWith(r.Context())()
	c := &TextConn{Follower: f, conn: conn}
	return f.s.converse(conn, func(ctx context.Context, end context.CancelCauseFunc) error {
		c.end = end
		return serve(ctx, c)
	}, func(ctx context.Context) error {
		return f.s.follow(ctx, func(e *event) error { return c.write(e.asBareFrame()) })
	})
}

// Read returns the client's next text, of 64 KiB at most. Pings are answered while it is called.
func (c *TextConn) Read() ([]byte, error) { return c.conn.Read() }

// Say writes one text. It waits for the client as long as anything moves; when it fails, the connection is over.
func (c *TextConn) Say(text []byte) error {
	err := c.write(wsconn.TextFrame(text))
	if err != nil {
		c.end(err)
	}
	return err
}

func (c *TextConn) write(frame []byte) error {
	if err := c.conn.Write(frame); err != nil {
		return err
	}
	c.s.hub.count.wrote(c.s.kind, 1, len(frame))
	return nil
}

// asBareFrame is the bare text as a whole WebSocket frame.
func (e *event) asBareFrame() []byte {
	return e.bare.get(func() []byte { return wsconn.TextFrame(e.bareText()) })
}

// bareText is a message, or that some may be missing, for clients that do not speak our events.
func (e *event) bareText() []byte {
	if e.message != nil {
		return e.message.Bare()
	}
	return newEvent("", "", map[string]string{"error": "messages may be missing: " + e.lost}).data
}

// Bare is the data as a client gets it that knows no JSON: a string without its quotes, anything else as it is.
func (m *Message) Bare() []byte {
	var text *string
	if json.Unmarshal(m.Data, &text) == nil && text != nil {
		return []byte(*text)
	}
	return m.Data
}

// converse runs an accepted connection: write on this goroutine, read and what keeps it alive beside it. The first to end ends the
// others; read can end them by end, too. Then it says goodbye with the code that tells why.
func (s *Session) converse(conn *wsconn.Conn, read func(ctx context.Context, end context.CancelCauseFunc) error, write func(context.Context) error) error {
	defer conn.CloseNow()
	own := s.await().ctx
	ctx, cancel := context.WithCancelCause(own)
	defer cancel(nil)
	defer context.AfterFunc(own, conn.Stop)()
	var wg sync.WaitGroup
	wg.Go(func() { cancel(read(ctx, cancel)) })
	wg.Go(func() { cancel(conn.Tend(ctx, pingEvery, longestQuiet)) })
	err := write(ctx)
	if errors.Is(err, patient.ErrSaid) { // by who reads, who tells how it ended
		<-ctx.Done()
	}
	if cause := context.Cause(ctx); cause != nil && err != nil {
		err = cause
	}
	s.depart() // from the counts, before the goodbye, which may take seconds
	s.goodbye(conn, err)
	cancel(nil)
	wg.Wait()
	return err
}
