package dashboard

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// sockJSWrite is how long a client may take nothing of what is written to it.
const sockJSWrite = 10 * time.Second

// sockJSPipe is a response by which a client hears, as the library sees it: writes to it never fail. One that does ends the request, and
// with that the session.
type sockJSPipe struct {
	http.ResponseWriter
	control *http.ResponseController
	call    *sockJSCall
	opening string // before each frame
	fail    context.CancelFunc
	ended   atomic.Bool

	// Of the goroutine that the library writes by, one at a time.
	begun   bool
	patient bool // the library may be asked again
	busy    bool // it took this for a second response of the session, beside one that has just ended
	again   bool // it is asked again: what stands before the first frame has been written
}

func newSockJSPipe(w http.ResponseWriter, c *sockJSCall, fail context.CancelFunc) *sockJSPipe {
	p := &sockJSPipe{ResponseWriter: w, control: http.NewResponseController(w), call: c, fail: fail}
	_ = p.control.SetWriteDeadline(time.Time{}) // of the server, shorter than a wait: over HTTP/2 it ends a response that writes nothing
	return p
}

// WriteHeader writes the status, once.
func (p *sockJSPipe) WriteHeader(status int) {
	if !p.begun {
		p.begin()
		p.ResponseWriter.WriteHeader(status)
	}
}

// begin takes back what the library says to caches: it says less than the server does of all that is live.
func (p *sockJSPipe) begin() {
	if !p.begun {
		p.begun = true
		p.Header().Set("Cache-Control", live)
	}
}

// Write writes what the library makes in one piece: a frame, or what stands before the first.
func (p *sockJSPipe) Write(b []byte) (int, error) {
	frame := p.frame(b)
	if p.busy = frame == 'c' && p.patient && strings.Contains(string(b), "c[2010,"); p.busy {
		return len(b), nil
	}
	if frame == 0 && p.again {
		return len(b), nil
	}
	p.begin()
	if frame != 0 {
		p.call.writes(p)
	}
	p.by(func() error {
		_, err := p.ResponseWriter.Write(b)
		return err
	})
	p.call.wrote(frame)
	return len(b), nil
}

// frame is the kind of a frame: o, h, a or c; 0 for what is none.
func (p *sockJSPipe) frame(b []byte) byte {
	payload, isFrame := strings.CutPrefix(string(b[:min(len(b), len(p.opening)+2)]), p.opening)
	if !isFrame || payload == "" || payload == "hh" || !strings.Contains("ohac", payload[:1]) {
		return 0
	}
	return payload[0]
}

// Flush sends what was written.
func (p *sockJSPipe) Flush() {
	if !p.busy {
		p.by(p.control.Flush)
	}
}

// by does what may wait for the client.
func (p *sockJSPipe) by(write func() error) {
	_ = p.control.SetWriteDeadline(time.Now().Add(sockJSWrite)) // who has no deadlines is waited for
	if p.ended.Load() || write() != nil {
		p.ended.Store(true)
		p.fail()
		return
	}
	_ = p.control.SetWriteDeadline(time.Time{}) // neither the next wait nor the next request on this connection is bound by it
}

// cut ends a write that waits, and lets no other begin.
func (p *sockJSPipe) cut() {
	p.ended.Store(true)
	_ = p.control.SetWriteDeadline(time.Now())
}

// repeats says whether the library is to be asked again, after a pause.
func (p *sockJSPipe) repeats(ctx context.Context, pause time.Duration) bool {
	if !p.busy {
		return false
	}
	p.busy, p.again = false, true
	select {
	case <-time.After(pause):
		return true
	case <-ctx.Done():
		return false
	}
}
