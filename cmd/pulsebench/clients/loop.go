//go:build linux

package clients

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

const (
	// bufferSize holds the largest piece that a server hands out at once.
	bufferSize = 1 << 20
	// coming is how many clients of a loop are on their way at once: fewer than the backlog of any server.
	coming = 50
	// bell is where the loop's own descriptor stands among those of the clients.
	bell = -1
)

// loop reads a part of the clients, in one thread.
type loop struct {
	transport compare.Transport
	stream    compare.Stream
	before    []byte // of the stream, as bytes; likewise below
	ready     []byte
	ping      []byte
	to        netip.AddrPort
	request   []byte

	epoll, wake int
	todo        chan func()
	ended       chan struct{}

	clients []*client
	buf     []byte
	tally   *tally // of the phase that runs; nil: of none
	stopped bool

	nth, wanted int // clients from nth on are to come, as many in all
	onTheWay    int
	arrived     int
	refused     error // why the first of those did not come who did not
	opened      chan error
}

func newLoop(o Open, to netip.AddrPort, request []byte) (*loop, error) {
	l := &loop{
		transport: o.Transport, stream: o.Stream, to: to, request: request,
		before: []byte(o.Stream.Before), ready: []byte(o.Stream.Ready), ping: []byte(o.Stream.Ping),
		todo: make(chan func(), 1), ended: make(chan struct{}), buf: make([]byte, bufferSize), opened: make(chan error, 1),
	}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err == nil {
		err = l.watch(unix.EPOLL_CTL_ADD, l.wake, bell, unix.EPOLLIN)
	}
	if err != nil {
		_ = unix.Close(l.epoll)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return l, nil
}

// do has the loop's thread call f, and waits until it has.
func (l *loop) do(f func()) error {
	done := make(chan struct{})
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	select {
	case l.todo <- func() { defer close(done); f() }:
		_, _ = unix.Write(l.wake, one[:]) // it fails when the bell rings already
	case <-l.ended:
		return errors.New("the loop has ended")
	}
	select {
	case <-done:
		return nil
	case <-l.ended:
		return errors.New("the loop has ended")
	}
}

// run reads until the loop is stopped.
func (l *loop) run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(l.ended)
	events := make([]unix.EpollEvent, 1024)
	for !l.stopped {
		n, err := unix.EpollWait(l.epoll, events, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("epoll: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			if e.Fd == bell {
				l.answerBell()
				continue
			}
			l.serve(l.clients[e.Fd], int(e.Fd))
		}
	}
	return nil
}

func (l *loop) answerBell() {
	var count [8]byte
	_, _ = unix.Read(l.wake, count[:])
	select {
	case f := <-l.todo:
		f()
	default: // an earlier bell was for it
	}
}

// close lets go of all clients.
func (l *loop) close() {
	for _, c := range l.clients {
		if c.state != gone {
			_ = unix.Close(c.fd)
			c.state = gone
		}
	}
	_ = unix.Close(l.epoll)
	_ = unix.Close(l.wake)
}

// come has clients come, of which the crowd's nth is the first. opened tells when all are here.
func (l *loop) come(nth, count int) {
	l.nth, l.wanted = nth, count
	l.clients = make([]*client, 0, count)
	if count == 0 {
		l.opened <- nil
	}
	l.comeOn()
}

// comeOn keeps some on their way.
func (l *loop) comeOn() {
	for l.onTheWay < coming && len(l.clients) < l.wanted && l.refused == nil {
		c := &client{fd: -1}
		err := c.connect(l.nth+len(l.clients), l.to)
		if err == nil {
			err = l.watch(unix.EPOLL_CTL_ADD, c.fd, len(l.clients), unix.EPOLLOUT)
		}
		l.clients = append(l.clients, c)
		l.onTheWay++
		if err != nil {
			l.end(c, err)
		}
	}
}

// arrive ends the way of a client, for good or ill.
func (l *loop) arrive(err error) {
	l.onTheWay--
	if err == nil {
		l.arrived++
	} else if l.refused == nil {
		l.refused = fmt.Errorf("client %d of %d: %w", len(l.clients), l.wanted, err)
		l.opened <- l.refused
	}
	if l.arrived == l.wanted {
		l.opened <- nil
	}
}

func (l *loop) watch(op, fd, index int, events uint32) error {
	if err := unix.EpollCtl(l.epoll, op, fd, &unix.EpollEvent{Events: events, Fd: int32(index)}); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// serve does what a client's socket is there for.
func (l *loop) serve(c *client, index int) {
	var err error
	switch c.state {
	case gone:
		return
	case connecting:
		if err = connected(c.fd); err == nil {
			c.state = asking
			if err = c.send(l.request); err == nil {
				err = l.watch(unix.EPOLL_CTL_MOD, c.fd, index, unix.EPOLLIN)
			}
		}
	default:
		err = l.read(c)
	}
	if err != nil {
		l.end(c, err)
	}
	if len(l.clients) < l.wanted {
		l.comeOn()
	}
}

func connected(fd int) error {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// end lets go of a client. What it did not get is lost.
func (l *loop) end(c *client, err error) {
	was := c.state
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
	}
	c.state, c.rest = gone, nil
	if was != ready {
		l.arrive(err)
		return
	}
	if l.tally != nil && !c.stalled {
		l.tally.dropped++
		p := l.tally.phase
		p.pass(c.next, p.first+uint64(len(p.passed)))
	}
}

// becomeReady says that the client has arrived.
func (l *loop) becomeReady(c *client) {
	c.state = ready
	l.arrive(nil)
}

// now is when something came.
func now() int64 { return time.Now().UnixNano() }
