package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// gzipHead starts a gzip member (RFC 1952). Deflate segments follow; the stream ends without a trailer.
var gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// ServeSSE writes a session as text/event-stream (WHATWG HTML, 9.2) until it or the client goes. The caller has checked o. What it returns and what
// ended is told is as with ServeWebSocket.
func (h *Hub) ServeSSE(w http.ResponseWriter, r *http.Request, o Opening, ended func(error)) (*Session, error) {
	s, err := h.admit(r.Context(), o, SSE)
	if err != nil {
		return nil, err
	}
	if cause := context.Cause(r.Context()); cause != nil { // before anything is written
		s.Close()
		return nil, cause
	}
	setStreamHeaders(w.Header())
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	c, head := ssePlain, []byte(nil)
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		c, head = sseDeflated, gzipHead
	}
	if r.ProtoMajor < 2 {
		w.Header().Set("Connection", "close") // ends without a length, and nothing follows
	}
	defer s.endWith(r.Context())()
	if h.mayDetach(r) {
		socket, err := newSSESocket(w, r, sseOptions{Poller: h.poller(), WriteTimeout: h.opts.WriteTimeout, Head: head})
		if err == nil {
			h.count.wrote(SSE, 0, len(head))
			s.begin(socket, c, nil, ended)
			return s, nil
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			s.Close()
			return nil, err
		}
	}
	err = s.endedFor(s.writeSSE(&sseWriter{body: newBody(w, r, h.opts.WriteTimeout), deflated: c == sseDeflated, head: head}))
	s.Close()
	ended(err)
	return nil, nil
}

// writeSSE is the session on the goroutine of its handler.
func (s *Session) writeSSE(w *sseWriter) error {
	if err := ignoreUnsupported(w.body.control.SetReadDeadline(time.Time{})); err != nil {
		return err
	}
	own := s.await().ctx
	defer w.body.stopOn(own)()
	err := s.run(own, w)
	if errors.Is(err, wsconn.ErrSlow) {
		s.hub.count.slowCloses.Add(1) // nothing more can be told
	}
	return err
}

// sseWriter writes events as text/event-stream, plain or as one gzip stream of segments.
type sseWriter struct {
	body     *body
	deflated bool
	head     []byte // to be written once
	buf      []byte
}

func (w *sseWriter) write(ctx context.Context, events []*event) (int, error) {
	w.buf = append(w.buf[:0], w.head...)
	w.head = nil
	for _, e := range events {
		w.buf = append(w.buf, sseForm(e, w.deflated)...)
	}
	n, err := w.body.write(ctx, w.buf)
	if cap(w.buf) > mostKept {
		w.buf = nil
	}
	return n, err
}

// sseForm is an event for an event stream. Those that say when to come back are each client's own.
func sseForm(e *event, deflated bool) []byte {
	var plain []byte
	switch e.name {
	case "hello":
		plain = e.sseWith(retryLine(helloRetry))
	case "bye":
		plain = e.sseWith(retryLine(e.retry))
	default:
		if deflated {
			return e.asSSESegment()
		}
		return e.asSSE()
	}
	if deflated {
		return segment(plain)
	}
	return plain
}

// helloRetry is how long an EventSource waits before it comes back by itself.
const helloRetry = 2 * time.Second

func retryLine(d time.Duration) string { return fmt.Sprintf("retry: %d\n", d.Milliseconds()) }

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			coding, weight, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				_, q, weighted := strings.Cut(weight, "=")
				return !weighted || strings.Trim(strings.TrimSpace(q), "0.") != ""
			}
		}
	}
	return false
}
