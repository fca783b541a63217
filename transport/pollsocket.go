package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
	"github.com/pulsewall/pulsewall/transport/ready"
)

// mostEarly is how many bytes of the next request a poll that waits takes, and then no more before it is answered.
const mostEarly = 4 << 10

var errGone = errors.New("the client has gone")

type connKey struct{}

// ConnContext is for the field of that name of an http.Server whose listener is of Listen. With it, a poll that waits over plain TCP takes its
// connection over from net/http, which needs several times the memory for it. When the client asks on, the server meets it as a new connection, with all
// that it calls for one. Drain and Close close those whose clients have not asked on. Over TLS, with it, who does not read delays no Close.
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	if own, ok := conn.(*patient.Conn); ok {
		return context.WithValue(ctx, connKey{}, own)
	}
	if below := patient.Of(conn); below != nil {
		below.Secured()
	}
	return ctx
}

// pollSocket is the connection of a poll that waits, taken over from net/http until its client asks on.
type pollSocket struct {
	hub    *Hub
	server *http.Server
	conn   *patient.Conn
	raw    syscall.RawConn
	header http.Header
	gzips  bool

	mu      sync.Mutex
	watch   ready.Watch // guarded by mu
	gone    func()      // guarded by mu: told when the client has; nil: nobody asks
	resting bool        // guarded by mu: it has been answered, and who is in hub.resting waits for the next request
	early   []byte      // guarded by mu: what came of the next request
	over    error       // guarded by mu: the client has gone
}

// newPollSocket takes the connection of r over. Where that is not possible the error is errors.ErrUnsupported, and nothing has happened.
func newPollSocket(h *Hub, w http.ResponseWriter, r *http.Request) (*pollSocket, error) {
	server, _ := r.Context().Value(http.ServerContextKey).(*http.Server)
	conn, _ := r.Context().Value(connKey{}).(*patient.Conn)
	if server == nil || conn == nil || r.Close || r.ProtoMajor != 1 || r.ProtoMinor < 1 || r.Method != http.MethodGet || r.ContentLength != 0 {
		return nil, errors.ErrUnsupported
	}
	raw, err := conn.SyscallConn()
	if err != nil || !h.poller().Can() {
		return nil, errors.ErrUnsupported
	}
	_, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil { // the server's own end here
		return nil, errors.Join(err, conn.Close())
	}
	early, _ := buffered.Peek(buffered.Reader.Buffered()) // never more than there is
	return &pollSocket{
		hub: h, server: server, conn: conn, raw: raw, header: w.Header().Clone(), gzips: acceptsGzip(r), early: bytes.Clone(early),
	}, nil
}

// await has gone called when the client goes before it is answered.
func (p *pollSocket) await(gone func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = gone
	if len(p.early) > 0 {
		return // it asks on already
	}
	var err error
	if p.watch, err = p.hub.poller().Watch(p.raw, p); err != nil {
		p.header.Set("Connection", "close") // nobody would hear it ask on
	}
}

// Ready is called when the client has gone, or sends the next request.
func (p *pollSocket) Ready(scratch []byte) {
	n, err := ready.TryRead(p.raw, scratch)
	p.mu.Lock()
	if errors.Is(err, ready.ErrLater) {
		err = p.watch.Arm(p.raw)
		if err == nil {
			p.mu.Unlock()
			return
		}
	}
	p.early, p.over = append(p.early, scratch[:n]...), err
	gone, resting := p.gone, p.resting
	if err == nil && gone != nil && len(p.early) < mostEarly { // that it goes is to be heard still
		p.over = p.watch.Arm(p.raw)
		err = p.over
	}
	p.mu.Unlock()
	switch {
	case resting:
		if p.hub.resting.remove(p) {
			p.hub.poller().Go(p.goOn)
		}
	case err != nil && gone != nil:
		gone()
	}
}

// settle says that it is answered now.
func (p *pollSocket) settle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = nil
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
		p.close()
	}
	return err
}

// refuse answers a poll that has been ended, and closes the connection.
func (p *pollSocket) refuse(timeout time.Duration, why error) {
	defer p.close() // answered or not: it is over
	said := newProblem(http.StatusServiceUnavailable, "the server is leaving: come back in a moment")
	switch {
	case errors.Is(why, errGone):
		return
	case errors.Is(why, ErrTokenEnded):
		said = newProblem(http.StatusUnauthorized, why.Error())
		p.header.Set("WWW-Authenticate", `Bearer realm="pulsewall", error="invalid_token"`)
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

// close closes the connection.
func (p *pollSocket) close() {
	p.mu.Lock()
	p.watch.Forget()
	p.mu.Unlock()
	_ = p.conn.Close() // of a connection that is over, nobody asks
}
