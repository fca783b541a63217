package transport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/pulsewall/pulsewall/transport/wsconn"
)

// body writes the body of an HTTP response to a client that may be slow: a write that moved nothing for the timeout fails with
// wsconn.ErrSlow, one that moved goes on. The piece is what goes out under one deadline, for connections that have no
// patience of their own: those not of Listen, and the streams of HTTP/2, where a window is all that is known of the client.
type body struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration

	streamed bool // over HTTP/2
	piece    int
}

func newBody(w http.ResponseWriter, r *http.Request, timeout time.Duration) *body {
	b := &body{w: w, control: http.NewResponseController(w), timeout: timeout, piece: 16 << 10}
	if r.ProtoMajor >= 2 {
		b.streamed, b.piece = true, 1<<10
	}
	return b
}

// write writes p and flushes it.
func (b *body) write(ctx context.Context, p []byte) (total int, err error) {
	for len(p) > 0 {
		piece := p[:min(len(p), b.piece)]
		deadline := time.Now().Add(b.timeout)
		if err := ignoreUnsupported(b.control.SetWriteDeadline(deadline)); err != nil {
			return total, err
		}
		if ctx.Err() != nil { // ended before this deadline, which has replaced the one of stopBody
			return total, context.Cause(ctx)
		}
		n, err := b.w.Write(piece)
		total += n
		if err == nil {
			err = b.control.Flush()
		}
		if err != nil {
			return total, b.why(err, deadline)
		}
		p = p[len(piece):]
	}
	if b.streamed { // the deadline of a stream of HTTP/2 ends it though no write waits
		err = ignoreUnsupported(b.control.SetWriteDeadline(time.Time{}))
	}
	return total, err
}

// why says that err came of slowness, where it did. A stream of HTTP/2 that was ended by its deadline does not say so.
func (b *body) why(err error, deadline time.Time) error {
	if (b.streamed || errors.Is(err, os.ErrDeadlineExceeded)) && !time.Now().Before(deadline) {
		return fmt.Errorf("%w: %w", wsconn.ErrSlow, err)
	}
	return err
}

// stopOn ends a write that waits when ctx ends. The caller must call the function returned before its handler returns.
func (b *body) stopOn(ctx context.Context) (done func()) {
	fired := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(fired)
		_ = b.control.SetWriteDeadline(time.Now()) // without deadlines nothing can be ended
	})
	return func() {
		if !stop() {
			<-fired
		}
	}
}

func ignoreUnsupported(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
