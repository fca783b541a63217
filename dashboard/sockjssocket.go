package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

const (
	socketRead  = 64 << 10         // bytes a client may send in one message
	socketWrite = 10 * time.Second // that a client may take nothing of what is written to it
	socketPing  = 15 * time.Second // between pings
	socketQuiet = 35 * time.Second // without a sign of the client
)

// errFraming is a frame that is neither a JSON string nor an array of them.
var errFraming = errors.New("broken framing")

// brokenFraming is its close code.
const brokenFraming = wsconn.ProtocolError

// getRaw joins the room by a WebSocket whose messages are the texts.
func (s *sockJS) getRaw(w http.ResponseWriter, r *http.Request) {
	s.upgrade(w, r, func(conn *wsconn.Conn) socketForm { return rawForm{conn} })
}

// getSocket joins the room by a WebSocket with SockJS's frames.
func (s *sockJS) getSocket(w http.ResponseWriter, r *http.Request) {
	if err := s.check(r); err != nil {
		s.d.refuseProgram(w, r, err)
		return
	}
	s.upgrade(w, r, func(conn *wsconn.Conn) socketForm { return &framedForm{conn: conn} })
}

// socketForm is how texts go over a WebSocket.
type socketForm interface {
	open() error
	beat() error
	give(text string) error
	next() (string, error)
	close(code int, reason string)
}

func (s *sockJS) upgrade(w http.ResponseWriter, r *http.Request, form func(*wsconn.Conn) socketForm) {
	err := checkHandshake(w, r)
	var v *Visit
	if err == nil {
		v, err = sockJSVisit(r)
	}
	if err != nil {
		s.d.refuseProgram(w, r, err)
		return
	}
	s.d.enter(w, r, v, func(r *http.Request) error {
		g, err := s.d.takeIn(r.Context(), v, sockJSRoom, s.d.clientAddr(r))
		if err != nil {
			return err
		}
		defer g.follower.Close()
		conn, err := wsconn.Accept(w, r, wsconn.Options{ReadLimit: socketRead, WriteTimeout: socketWrite})
		if err != nil {
			return err
		}
		defer conn.CloseNow()
		return g.talk(r.Context(), conn, form(conn))
	})
}

// talk has the talker stay by a WebSocket.
func (g *talker) talk(ctx context.Context, conn *wsconn.Conn, form socketForm) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var tending sync.WaitGroup
	defer tending.Wait()
	defer cancel(nil)
	g.give = func(ctx context.Context, text string) error {
		defer cutLate(ctx, conn.Stop)()
		return form.give(text)
	}
	g.bye = func(err error) {
		code, reason := goodbye(err)
		if errors.Is(err, errFraming) {
			code, reason = brokenFraming, errFraming.Error()
		}
		if code == 0 {
			conn.CloseNow()
			return
		}
		late := time.AfterFunc(partingWithin, conn.Stop)
		defer late.Stop()
		form.close(code, reason)
		conn.Close(code, reason)
	}
	if err := form.open(); err != nil {
		return err
	}
	tending.Go(func() { cancel(conn.Tend(ctx, socketPing, socketQuiet)) })
	tending.Go(func() { cancel(beats(ctx, form)) })
	return g.stay(ctx, func(context.Context) (string, error) { return form.next() })
}

// beats tells clients that know nothing of pings that the connection lives.
func beats(ctx context.Context, form socketForm) error {
	ticker := time.NewTicker(sockJSBeat)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if err := form.beat(); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rawForm is a text a message.
type rawForm struct{ conn *wsconn.Conn }

func (f rawForm) open() error            { return nil }
func (f rawForm) beat() error            { return nil } // pings are enough
func (f rawForm) give(text string) error { return f.conn.Send([]byte(text)) }
func (f rawForm) close(int, string)      {}

func (f rawForm) next() (string, error) {
	p, err := f.conn.Read()
	return string(p), err
}

// framedForm is SockJS's framing: o opens, h lives, a["…"] brings texts, c[code,"reason"] closes; a client sends "…" or ["…"].
type framedForm struct {
	conn *wsconn.Conn
	said []string // read, and not taken yet
}

func (f *framedForm) open() error { return f.conn.Send([]byte("o")) }
func (f *framedForm) beat() error { return f.conn.Send([]byte("h")) }

func (f *framedForm) give(text string) error { return f.send('a', []string{text}) }

func (f *framedForm) close(code int, reason string) { _ = f.send('c', []any{code, reason}) }

func (f *framedForm) send(kind byte, payload any) error {
	p, err := json.Marshal(payload) // which escapes what old browsers would lose
	if err != nil {
		return err
	}
	return f.conn.Send(append([]byte{kind}, p...))
}

func (f *framedForm) next() (string, error) {
	for len(f.said) == 0 {
		p, err := f.conn.Read()
		if err != nil {
			return "", err
		}
		if f.said, err = readFrame(p); err != nil {
			return "", err
		}
	}
	text := f.said[0]
	f.said = f.said[1:]
	return text, nil
}

// readFrame returns the texts of a frame of a client; an empty one has none.
func readFrame(p []byte) (texts []string, err error) {
	p = bytes.TrimSpace(p)
	if len(p) == 0 {
		return nil, nil
	}
	if p[0] != '[' {
		p = append(append([]byte{'['}, p...), ']')
	}
	if err := json.Unmarshal(p, &texts); err != nil {
		return nil, fmt.Errorf("%w: %w", errFraming, err)
	}
	return texts, nil
}
