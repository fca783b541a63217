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

// ServeSSE writes a session as text/event-stream (WHATWG HTML, 9.2) until it or the client goes. The caller has checked o.
func (h *Hub) ServeSSE(w http.ResponseWriter, r *http.Request, o Opening) error {
	s, err := h.admit(r.Context(), o, SSE)
	if err != nil {
		return err
	}
	defer s.Close()
	setStreamHeaders(w.Header())
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	sw := &sseWriter{body: newBody(w, r, h.opts.WriteTimeout)}
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		sw.deflated, sw.head = true, gzipHead
	}
	if r.ProtoMajor < 2 {
		w.Header().Set("Connection", "close") // ends without a length, and nothing follows
	}
	if err := ignoreUnsupported(sw.body.control.SetReadDeadline(time.Time{})); err != nil {
		return err
	}
	defer s.endWith(r.Context())()
	defer sw.body.stopOn(s.ctx)()
	err = s.stream(s.ctx, sw)
	if errors.Is(err, wsconn.ErrSlow) {
		h.count.slowCloses.Add(1) // nothing more can be told
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
		w.buf = append(w.buf, w.form(e)...)
	}
	n, err := w.body.write(ctx, w.buf)
	if cap(w.buf) > mostKept {
		w.buf = nil
	}
	return n, err
}

func (w *sseWriter) form(e *event) []byte {
	var plain []byte
	switch e.name {
	case "hello":
		plain = e.sseWith(retryLine(helloRetry))
	case "bye":
		plain = e.sseWith(retryLine(e.retry))
	default:
		if w.deflated {
			return e.asSSESegment()
		}
		return e.asSSE()
	}
	if w.deflated {
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
