package wsconn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"nhooyr.io/websocket"

	"github.com/pulsewall/pulsewall/transport/ready"
)

// errOver ends the reading of a connection that has been closed here.
var errOver = errors.New("wsconn: closed here")

// parked is a connection of which nothing runs while there is nothing to read. When something comes, the poller reads it; when that makes a
// message, a Conn of the library is made for it in a goroutine, and thrown away when nothing is left.
type parked struct {
	c     *Conn
	limit int64 // bytes of a message

	mu       sync.Mutex
	watch    ready.Watch
	take     func([]byte) error
	ended    func(error)
	free     chan struct{} // guarded by mu: closed when nobody is busy any more; nil: nobody asks
	busy     bool          // guarded by mu: somebody reads
	over     bool          // guarded by mu: nothing is taken any more
	answered bool          // guarded by mu: the peer has sent a close frame

	in *intake // owned by who is busy; nil: nothing has come
}

// add keeps what has come.
func (p *parked) add(b []byte) {
	if p.in == nil {
		p.in = &intake{limit: p.limit, deflated: p.c.deflated}
	}
	p.in.buf = append(p.in.buf, b...)
}

// receive is Conn.Receive.
func (p *parked) receive(take func([]byte) error, ended func(error)) {
	p.mu.Lock()
	if p.over { // what has come is read by who closes
		p.mu.Unlock()
		return
	}
	p.take, p.ended, p.busy = take, ended, true
	p.mu.Unlock()
	if p.in == nil {
		p.rest()
		return
	}
	p.c.poller.Go(func() { p.guard(func() { p.digest(nil, false) }) }) // what came with the handshake
}

// Ready reads what has come, in the poller's goroutine.
func (p *parked) Ready(scratch []byte) {
	p.mu.Lock()
	idle := !p.busy && !p.over
	p.busy = p.busy || idle
	p.mu.Unlock()
	if idle {
		p.guard(func() { p.look(scratch) })
	}
}

// look reads what has come. Who is busy calls it.
func (p *parked) look(scratch []byte) {
	n, err := p.read(scratch)
	switch {
	case errors.Is(err, ready.ErrLater), err == nil && p.in == nil && onlyPongs(scratch[:n]):
		p.rest()
		return
	case err != nil:
		p.c.poller.Go(func() { p.fail(&refusal{ProtocolError, "", fmt.Errorf("read: %w", err)}) })
		return
	}
	p.add(scratch[:n])
	unit, refused := p.in.next()
	if unit == nil && n < len(scratch) {
		p.rest() // of a message that comes slowly
		return
	}
	p.c.poller.Go(func() { p.guard(func() { p.digest(unit, refused) }) })
}

func (p *parked) read(b []byte) (int, error) {
	n, err := ready.TryRead(p.c.socket.out.Raw(), b)
	if n > 0 {
		p.c.socket.hear()
	}
	return n, err
}

// rest gives the reading back to the poller.
func (p *parked) rest() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in.empty() {
		p.in = nil
	}
	p.leave()
	if p.over {
		return
	}
	var err error
	if raw := p.c.socket.out.Raw(); p.watch == (ready.Watch{}) {
		p.watch, err = p.c.poller.Watch(raw, p)
	} else {
		err = p.watch.Arm(raw)
	}
	if err != nil {
		p.busy = true
		p.c.poller.Go(func() { p.fail(&refusal{ProtocolError, "", err}) })
	}
}

// leave lets the next one read. The connection is locked.
func (p *parked) leave() {
	p.busy = false
	if p.free != nil {
		close(p.free)
		p.free = nil
	}
}

// pull returns the next message or control frame; nothing when nothing is there.
func (p *parked) pull() (unit []byte, refused bool, err error) {
	var chunk []byte
	for {
		if unit, refused = p.in.next(); unit != nil {
			return unit, refused, nil
		}
		if chunk == nil {
			chunk = make([]byte, 4<<10)
		}
		n, err := p.read(chunk)
		if errors.Is(err, ready.ErrLater) {
			return nil, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		p.add(chunk[:n])
	}
}

// digest has the messages taken that there are, of which unit is the first.
func (p *parked) digest(unit []byte, refused bool) {
	if unit == nil {
		var err error
		if unit, refused, err = p.pull(); err != nil {
			p.fail(&refusal{ProtocolError, "", fmt.Errorf("read: %w", err)})
			return
		}
	}
	if unit != nil {
		if err := p.converse(&feed{p: p, unit: unit, refused: refused}); err != nil {
			p.fail(err)
			return
		}
	}
	p.rest()
}

// converse lets the library read until nothing is there.
func (p *parked) converse(f *feed) error {
	lib, err := p.c.revive(f)
	if err != nil {
		return err
	}
	defer func() { _ = lib.CloseNow() }()
	for {
		message, no := p.c.next(lib)
		switch {
		case no == nil:
		case !errors.Is(no, errNothing):
			return no
		case !f.refused:
			return nil
		case p.in.large: // it was refused, so there is one
			return &refusal{TooBig, "", errors.New("wsconn: a message that is too big")}
		default:
			return no
		}
		p.mu.Lock()
		over := p.over
		p.mu.Unlock()
		if over {
			return errOver
		}
		if err := p.take(message); err != nil {
			return err
		}
	}
}

// fail ends the reading. Who is busy calls it.
func (p *parked) fail(err error) {
	var no *refusal
	refused := errors.As(err, &no)
	p.mu.Lock()
	over := p.over
	p.over, p.answered = true, p.answered || websocket.CloseStatus(err) != -1
	p.watch.Forget()
	if over {
		p.leave() // to who closes
	}
	p.mu.Unlock()
	if over {
		return
	}
	if refused {
		p.sayGoodbye(no.code, no.reason)
		err = no.error
	}
	p.mu.Lock()
	p.leave()
	p.mu.Unlock()
	p.ended(err)
}

// sayGoodbye tells the code unless something has been said already, waits for the peer to do so, and closes the socket. Who is busy calls it.
func (p *parked) sayGoodbye(code int, reason string) {
	s := p.c.socket
	if s.out.Last(closeFrame(code, reason), closeWait) == nil && !p.answered {
		p.awaitClose()
	}
	_ = s.Close() // whatever the peer does
}

// awaitClose reads up to the peer's close frame, 2 s at most.
func (p *parked) awaitClose() {
	s := p.c.socket
	if s.SetReadDeadline(time.Now().Add(closeWait)) != nil {
		return
	}
	in := p.in
	if in == nil {
		in = new(intake)
	}
	r := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(in.buf), s.Conn), 512)
	for skip := in.skip; ; {
		if _, err := io.CopyN(io.Discard, r, skip); err != nil {
			return
		}
		b, err := r.Peek(2)
		if err != nil {
			return
		}
		length, _ := parseHeader(b)
		if b, err = r.Peek(int(length.length)); err != nil {
			return
		}
		h, _ := parseHeader(b)
		if h.op() == opClose || h.payload < 0 {
			return
		}
		skip = h.total()
	}
}

// close is Conn.Close.
func (p *parked) close(code int, reason string) {
	p.mu.Lock()
	p.over = true
	p.watch.Forget()
	if p.busy {
		if p.free == nil {
			p.free = make(chan struct{})
		}
		free := p.free
		p.mu.Unlock()
		if p.c.socket.out.Last(closeFrame(code, reason), closeWait) != nil { // else told again below
			_ = p.c.socket.Close()
		}
		late := time.NewTimer(closeWait)
		defer late.Stop()
		select {
		case <-free:
		case <-late.C:
			_ = p.c.socket.Close()
			return
		}
		p.mu.Lock()
	}
	p.busy = true // and stays so
	p.mu.Unlock()
	p.sayGoodbye(code, reason)
}

// closeNow is Conn.CloseNow.
func (p *parked) closeNow() {
	p.mu.Lock()
	p.over = true
	p.watch.Forget()
	p.mu.Unlock()
	_ = p.c.socket.Close()
}
