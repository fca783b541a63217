package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/pulsewall/pulsewall/transport/ready"
	"github.com/pulsewall/pulsewall/transport/wsconn"
)

const (
	subprotocol  = "pulsewall.v1"
	mostFrame    = 64 << 10         // bytes a client may send in one message
	mostWrong    = 20               // wrong frames in a row
	pingEvery    = 15 * time.Second // to a client
	longestQuiet = 35 * time.Second // without a sign of the client
)

// ServeWebSocket upgrades r and serves a session until it ends. Ops of the client go to handle. The caller has checked the handshake, the origin
// and o. An error says that it was refused. Else ended is told once what ended the session: before ServeWebSocket returns, or, where the
// session has outlived it and is returned, at any time. Until then the context of r ends it; then only End does.
func (h *Hub) ServeWebSocket(w http.ResponseWriter, r *http.Request, o Opening, handle Handler, ended func(error)) (*Session, error) {
	s, err := h.admit(r.Context(), o, WebSocket)
	if err != nil {
		return nil, err
	}
	if cause := context.Cause(r.Context()); cause != nil { // before anything is written
		s.Close()
		return nil, cause
	}
	setStreamHeaders(w.Header())
	opts := wsconn.Options{Subprotocol: subprotocol, ReadLimit: mostFrame, WriteTimeout: h.opts.WriteTimeout}
	detached := h.mayDetach(r)
	if detached {
		opts.Poller, opts.PingEvery, opts.Quiet = h.poller(), pingEvery, longestQuiet
	}
	conn, err := wsconn.Accept(w, r, opts)
	if err != nil {
		s.Close()
		return nil, err
	}
	defer s.endWith(r.Context())()
	if detached {
		c := wsPlain
		if conn.Deflated() {
			c = wsDeflated
		}
		s.begin(conn, c, handle, ended)
		return s, nil
	}
	err = s.converse(conn, func(ctx context.Context, _ context.CancelCauseFunc) error {
		return s.readOps(ctx, conn, handle)
	}, func(ctx context.Context) error {
		return s.run(ctx, &socketWriter{conn: conn})
	})
	s.Close()
	ended(err)
	return nil, nil
}

// mayDetach says whether the stream of r can outlive its handler: but over plain TCP nothing can be tried without waiting.
func (h *Hub) mayDetach(r *http.Request) bool {
	_, tcp := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ready.Can && !h.opts.attached && tcp && r.TLS == nil && r.ProtoMajor == 1
}

// poller is what the hub's detached streams are read by.
func (h *Hub) poller() *ready.Poller {
	h.polling.Do(func() { h.polls = ready.New() })
	return h.polls
}

// goodbye closes the connection with the code that tells why.
func (s *Session) goodbye(conn *wsconn.Conn, err error) {
	defer s.hub.untilClose(conn.CloseNow)()
	var wrong errWrong
	switch {
	case err == nil:
		conn.Close(wsconn.ServiceRestart, "restart")
	case errors.Is(err, wsconn.ErrSlow):
		s.hub.count.slowCloses.Add(1)
		conn.Close(wsconn.TooSlow, "too slow")
	case errors.As(err, &wrong):
		conn.Close(wsconn.WrongFrames, wrong.Error())
	case errors.Is(err, ErrTokenEnded):
		conn.Close(wsconn.TokenEnded, ErrTokenEnded.Error())
	case errors.Is(err, ErrWithdrawn):
		conn.Close(wsconn.Withdrawn, ErrWithdrawn.Error())
	case errors.Is(err, ErrClosed):
		conn.Close(wsconn.GoingAway, "")
	default: // the network, or the client has gone
		conn.CloseNow()
	}
}

// socketWriter writes events as frames.
type socketWriter struct {
	conn  *wsconn.Conn
	frame bytes.Buffer
}

func (w *socketWriter) write(_ context.Context, events []*event) (int, error) {
	if len(events) == 1 {
		f := events[0].asFrame(w.conn.Deflated())
		return len(f), w.conn.Write(f)
	}
	w.frame.Reset()
	for _, e := range events {
		w.frame.Write(e.asFrame(w.conn.Deflated()))
	}
	n := w.frame.Len()
	err := w.conn.Write(w.frame.Bytes())
	if w.frame.Cap() > mostKept {
		w.frame = bytes.Buffer{}
	}
	return n, err
}

// errWrong ends a stream whose client sends nothing but wrong frames.
type errWrong int

func (n errWrong) Error() string { return fmt.Sprintf("%d wrong frames in a row", int(n)) }

// readOps reads the client's ops and answers each before the next, until the connection ends.
func (s *Session) readOps(ctx context.Context, conn *wsconn.Conn, handle Handler) error {
	for wrong := 0; ; {
		text, err := conn.Read()
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		if err := s.answerText(ctx, text, handle, &wrong); err != nil {
			return err
		}
	}
}

// answerText does what a text of the client asks, and returns when the reply has been written. It counts wrong ones in a row.
func (s *Session) answerText(ctx context.Context, text []byte, handle Handler, wrong *int) error {
	op, problem := parseOp(text)
	reply := Reply{Problem: problem}
	if problem == nil {
		reply = s.obey(ctx, handle, op)
	}
	if err := s.answer(ctx, op.Ref, reply); err != nil {
		return err
	}
	if *wrong++; problem == nil && !reply.Wrong {
		*wrong = 0
	}
	if *wrong >= mostWrong {
		return errWrong(*wrong)
	}
	return nil
}

// parseOp reads {"op":…}. wrong is nil or a problem.
func parseOp(text []byte) (op Op, wrong any) {
	err := json.Unmarshal(text, &op)
	if err == nil && op.Op != "" {
		return op, nil
	}
	if len(op.Ref) > 64 {
		op.Ref = ""
	}
	if field := (*json.UnmarshalTypeError)(nil); errors.As(err, &field) && field.Field != "" { // all with a type of their own are strings
		return op, newProblem(http.StatusBadRequest, fmt.Sprintf("%s is of type %s: want a string", field.Field, field.Value))
	}
	return op, newProblem(http.StatusBadRequest, fmt.Sprintf(`%s: want a JSON object with "op", for example {"op":"ping","ref":"1"}`, clip(text)))
}

// obey does what an op asks. A panic of the handler is a problem, and not the end of the program.
func (s *Session) obey(ctx context.Context, handle Handler, op Op) (reply Reply) {
	defer func() {
		if p := recover(); p != nil {
			s.hub.opts.Logger.Error("op panicked", "session", s.id, "op", op.Op, "err", fmt.Sprint(p), "stack", string(debug.Stack()))
			reply = Reply{Problem: newProblem(http.StatusInternalServerError, "the server failed at this; it has been noted")}
		}
	}()
	return handle(ctx, s, op)
}

// problem is an RFC 9457 object.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func newProblem(status int, detail string) problem {
	return problem{"about:blank", http.StatusText(status), status, detail}
}

// setStreamHeaders says that nobody may keep, change or hold back what follows.
func setStreamHeaders(h http.Header) {
	setLiveHeaders(h)
	h.Set("X-Accel-Buffering", "no")
}

// setLiveHeaders are those of every answer of the live address.
func setLiveHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("Vary", "Accept, Accept-Encoding, Upgrade")
}
