package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
	"github.com/pulsewall/pulsewall/transport/ready"
)

var errGone = errors.New("the client has gone")

// pollSocket is the connection of a poll that waits, taken over from net/http, which needs several times the memory for it, until it has been
// answered.
type pollSocket struct {
	server *http.Server
	conn   net.Conn
	raw    syscall.RawConn
	header http.Header
	gzips  bool

	mu    sync.Mutex
	watch ready.Watch // guarded by mu
	gone  func()      // guarded by mu: told when the client has; nil: nobody asks any more
	early []byte      // guarded by mu: what came of the next request
}

// newPollSocket takes the connection of r over. Where that is not possible the error is errors.ErrUnsupported, and nothing has happened.
func newPollSocket(w http.ResponseWriter, r *http.Request) (*pollSocket, error) {
	server, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if !ok || r.Close || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Method != http.MethodGet || r.ContentLength != 0 {
		return nil, errors.ErrUnsupported
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	p := &pollSocket{server: server, conn: conn, header: w.Header().Clone(), gzips: acceptsGzip(r)}
	err = conn.SetDeadline(time.Time{}) // the server's own end here
	if below, ok := conn.(syscall.Conn); ok && err == nil {
		p.raw, err = below.SyscallConn()
	}
	if err != nil || p.raw == nil {
		return nil, errors.Join(errors.New("transport: a connection without a descriptor"), err, conn.Close())
	}
	early, _ := buffered.Peek(buffered.Reader.Buffered()) // never more than there is
	p.early = bytes.Clone(early)
	return p, nil
}

// await has gone called when the client goes before it is answered.
func (p *pollSocket) await(poller *ready.Poller, gone func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.early) > 0 {
		return // it asks on already
	}
	p.gone = gone
	p.watch, _ = poller.Watch(p.raw, p) // else it is noticed with the answer
}

// Ready is called when the client has gone, or sends the next request already.
func (p *pollSocket) Ready(scratch []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone == nil {
		return
	}
	n, err := ready.TryRead(p.raw, scratch)
	p.early = append(p.early, scratch[:n]...)
	if errors.Is(err, ready.ErrLater) {
		err = p.watch.Arm(p.raw)
	}
	if err != nil {
		p.gone()
	}
}

// settle ends the watch.
func (p *pollSocket) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = nil
	p.watch.Forget()
}

// answer writes the response. It waits while anything moves, until ctx ends.
func (p *pollSocket) answer(ctx context.Context, timeout time.Duration, status int, body []byte) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
	p.header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	p.header.Set("Content-Length", strconv.Itoa(len(body)))
	_ = p.header.Write(&b) // a bytes.Buffer takes everything
	b.WriteString("\r\n")
	b.Write(body)
	out := patient.NewWriter(p.conn, timeout, nil)
	stop := context.AfterFunc(ctx, out.Stop)
	err := out.Write(b.Bytes())
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = p.conn.Close()
	}
	return err
}

// refuse answers a poll that has been ended, and closes the connection.
func (p *pollSocket) refuse(timeout time.Duration, why error) {
	defer func() { _ = p.conn.Close() }() // answered or not: it is over
	said := newProblem(http.StatusServiceUnavailable, "the server is leaving: come back in a moment")
	switch {
	case errors.Is(why, errGone):
		return
	case errors.Is(why, ErrTokenEnded):
		said = newProblem(http.StatusUnauthorized, why.Error())
	case errors.Is(why, ErrWithdrawn):
		said = newProblem(http.StatusForbidden, why.Error())
	default:
		p.header.Set("Retry-After", "2")
	}
	setLiveHeaders(p.header)
	p.header.Set("Content-Type", "application/problem+json")
	p.header.Set("Connection", "close")
	if body, err := json.Marshal(said); err == nil {
		_ = p.answer(context.Background(), timeout, said.Status, append(body, '\n'))
	}
}

// leave has the server go on with a connection that was answered, unless that said that it closes.
func (p *pollSocket) leave() {
	if p.header.Get("Connection") == "close" {
		_ = p.conn.Close()
		return
	}
	conn := p.conn
	if len(p.early) > 0 {
		conn = &resumed{Conn: conn, from: io.MultiReader(bytes.NewReader(p.early), conn)}
	}
	_ = p.server.Serve(&handing{conn: conn}) // it says that there is no more than this one, or that the server has closed
}

// resumed is a connection of which something has been read.
type resumed struct {
	net.Conn
	from io.Reader
}

func (r *resumed) Read(p []byte) (int, error) { return r.from.Read(p) }

// NetConn is what writes and deadlines are of.
func (r *resumed) NetConn() net.Conn { return r.Conn }

// handing is a listener that accepts one connection.
type handing struct{ conn net.Conn }

func (h *handing) Accept() (net.Conn, error) {
	conn := h.conn
	if h.conn = nil; conn == nil {
		return nil, net.ErrClosed
	}
	return conn, nil
}

// Close closes the connection that has not been accepted.
func (h *handing) Close() error {
	if h.conn != nil {
		return h.conn.Close()
	}
	return nil
}

// Addr is that of the connection.
func (h *handing) Addr() net.Addr { return here{} }

type here struct{}

func (here) Network() string { return "tcp" }
func (here) String() string  { return "a connection handed back" }
