package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// gzipHead starts a gzip member (RFC 1952). Deflate segments follow; the stream ends without a trailer.
var gzipHead = []byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255}

// mostPiece is how much goes to the server's writer under one deadline: a client that takes this much in the write timeout
// keeps its stream.
const mostPiece = 16 << 10

// ServeSSE writes a session as text/event-stream (WHATWG HTML, 9.2) until it or the client goes. The caller has checked o.
func (h *Hub) ServeSSE(w http.ResponseWriter, r *http.Request, o Opening) error {
	s, err := h.open(o, SSE)
	if err != nil {
		return err
	}
	defer s.Close()
	setStreamHeaders(w.Header())
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	sw := &sseWriter{w: w, control: http.NewResponseController(w), timeout: h.opts.WriteTimeout}
	if acceptsGzip(r) {
		w.Header().Set("Content-Encoding", "gzip")
		sw.deflated, sw.head = true, gzipHead
	}
	if h2 := r.ProtoMajor >= 2; !h2 {
		w.Header().Set("Connection", "close") // ends without a length, and nothing follows
	}
	if err := sw.control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	defer context.AfterFunc(r.Context(), cancel)()
	err = s.stream(ctx, sw)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		h.count.slowCloses.Add(1)
		return fmt.Errorf("%w: %w", wsconn.ErrSlow, err) // nothing more can be told
	}
	return err
}

// sseWriter writes events as text/event-stream, plain or as one gzip stream of segments.
type sseWriter struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	timeout  time.Duration
	deflated bool
	head     []byte // to be written once
	buf      []byte
}

func (w *sseWriter) write(events []*event) (int, error) {
	w.buf = append(w.buf[:0], w.head...)
	w.head = nil
	for _, e := range events {
		w.buf = append(w.buf, w.form(e)...)
	}
	n, err := w.push(w.buf)
	if cap(w.buf) > mostMessages {
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

// push writes in pieces, each with a deadline of its own.
func (w *sseWriter) push(p []byte) (int, error) {
	total := 0
	for len(p) > 0 {
		piece := p[:min(len(p), mostPiece)]
		if err := w.control.SetWriteDeadline(time.Now().Add(w.timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return total, err
		}
		n, err := w.w.Write(piece)
		total += n
		if err != nil {
			return total, err
		}
		if err := w.control.Flush(); err != nil {
			return total, err
		}
		p = p[len(piece):]
	}
	return total, nil
}

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
