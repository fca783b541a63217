package transport

import (
	"cmp"
	"net"
	"sync"
	"time"
)

// resting holds the connections of polls that were answered, whose clients have not asked on. Who removes one goes on with it.
type resting struct {
	mu   sync.Mutex
	all  map[*pollSocket]*time.Timer // guarded by mu: it ends the rest; nil: nothing does
	over bool                        // guarded by mu: none is taken any more
}

// add takes a connection until the client asks on, or for so long (0: for ever), unless it is over.
func (r *resting) add(p *pollSocket, longest time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over {
		return false
	}
	if r.all == nil {
		r.all = make(map[*pollSocket]*time.Timer)
	}
	var timer *time.Timer
	if longest > 0 {
		timer = time.AfterFunc(longest, func() {
			if r.remove(p) {
				p.close()
			}
		})
	}
	r.all[p] = timer
	return true
}

// remove says whether the connection was there.
func (r *resting) remove(p *pollSocket) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	timer, rests := r.all[p]
	if timer != nil {
		timer.Stop()
	}
	delete(r.all, p)
	return rests
}

// close closes all of them, and takes none any more.
func (r *resting) close() {
	r.mu.Lock()
	all := r.all
	r.all, r.over = nil, true
	r.mu.Unlock()
	for p, timer := range all {
		if timer != nil {
			timer.Stop()
		}
		p.close()
	}
}

// rest keeps a connection that was answered until its client asks on, as long as the server keeps idle ones.
func (p *pollSocket) rest() {
	if p.header.Get("Connection") == "close" {
		p.close()
		return
	}
	p.header = nil
	p.mu.Lock()
	heard := len(p.early) > 0 || p.over != nil
	if !heard {
		p.resting = p.hub.resting.add(p, cmp.Or(p.server.IdleTimeout, p.server.ReadTimeout))
	}
	rests := p.resting
	p.mu.Unlock()
	switch {
	case heard:
		p.goOn()
	case !rests:
		p.close()
	}
}

// goOn gives a connection whose client asks on back to the server.
func (p *pollSocket) goOn() {
	p.mu.Lock()
	early, over := p.early, p.over
	p.watch.Forget()
	p.mu.Unlock()
	if over != nil {
		p.close()
		return
	}
	p.conn.Unread(early)
	_ = p.server.Serve(&handing{conn: p.conn, addr: p.conn.LocalAddr()}) // it says that there is no more than this one, or that the server has closed
}

// handing is a listener that accepts one connection.
type handing struct {
	conn net.Conn
	addr net.Addr
}

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

// Addr is where the connection came in.
func (h *handing) Addr() net.Addr { return h.addr }
