//go:build linux

package ours

import (
	"bytes"
	"context"
	"crypto/sha1" // #nosec G505 -- what RFC 6455 asks for
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/clients"
)

const (
	rawSocket = "/ws"
	rawEvents = "/sse"
	// waiting is how many payloads may wait for a loop before who publishes waits.
	waiting = 64
	// stuckFor is how long, in milliseconds, a full socket is waited for.
	stuckFor = 10_000
)

// raw is the plain write loop: one for each processor, each with a list of descriptors, to which it writes frames that were made once.
type raw struct {
	listener int
	loops    []*rawLoop
	next     int // the loop that gets the next client; used by accept alone
}

// rawLoop writes to its descriptors.
type rawLoop struct {
	mu       sync.Mutex
	ws, sse  []int // guarded by mu; only the loop takes some out
	payloads chan frames
}

// frames are a payload as each transport sends it.
type frames struct{ ws, sse []byte }

func serveRaw(ctx context.Context, out io.Writer) error {
	if err := clients.RaiseLimit(); err != nil {
		return err
	}
	fd, addr, err := listenRaw()
	if err != nil {
		return err
	}
	r := &raw{listener: fd}
	var running sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		l := &rawLoop{payloads: make(chan frames, waiting)}
		r.loops = append(r.loops, l)
		running.Go(l.run)
	}
	running.Go(r.accept)
	err = control(ctx, out, addr, func(payload []byte) error {
		f := makeFrames(payload)
		for _, l := range r.loops {
			l.payloads <- f
		}
		return nil
	})
	_ = unix.Shutdown(fd, unix.SHUT_RDWR)
	for _, l := range r.loops {
		close(l.payloads)
	}
	running.Wait()
	return err
}

func listenRaw() (fd int, addr net.Addr, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("socket: %w", err)
	}
	loopback := [4]byte{127, 0, 0, 1}
	if err = unix.Bind(fd, &unix.SockaddrInet4{Addr: loopback}); err == nil {
		err = unix.Listen(fd, unix.SOMAXCONN)
	}
	if err == nil { // its connections have it too; without, a frame waits for the acknowledgement of the one before
		err = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
	}
	if err != nil {
		return 0, nil, fmt.Errorf("listen: %w", err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return 0, nil, fmt.Errorf("listen: %w", err)
	}
	return fd, &net.TCPAddr{IP: loopback[:], Port: name.(*unix.SockaddrInet4).Port}, nil
}

// makeFrames makes the frame of a WebSocket and an event.
func makeFrames(payload []byte) frames {
	const whole, length16 = 0x81, 126
	ws := []byte{whole}
	if len(payload) < length16 {
		ws = append(ws, byte(len(payload)))
	} else {
		ws = binary.BigEndian.AppendUint16(append(ws, length16), uint16(len(payload)))
	}
	return frames{ws: append(ws, payload...), sse: fmt.Appendf(nil, "data: %s\n\n", payload)}
}

// accept takes clients until the listener is shut down. A client's request comes at once and in one piece: this is no server for others.
func (r *raw) accept() {
	request := make([]byte, 4096)
	for {
		fd, _, err := unix.Accept4(r.listener, unix.SOCK_CLOEXEC)
		if err == unix.EINTR || err == unix.ECONNABORTED {
			continue
		}
		if err != nil {
			return
		}
		n, _ := unix.Read(fd, request)
		answer, isSocket := answerRaw(request[:max(n, 0)])
		if _, err := unix.Write(fd, answer); err != nil || unix.SetNonblock(fd, true) != nil {
			_ = unix.Close(fd)
			continue
		}
		r.loops[r.next%len(r.loops)].add(fd, isSocket)
		r.next++
	}
}

func answerRaw(request []byte) (answer []byte, isSocket bool) {
	const keyed, guid = "Sec-WebSocket-Key: ", "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
	if !bytes.HasPrefix(request, []byte("GET "+rawSocket)) {
		return []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"), false
	}
	_, after, _ := strings.Cut(string(request), keyed)
	key, _, _ := strings.Cut(after, "\r\n")
	sum := sha1.Sum([]byte(key + guid)) // #nosec G401 -- as above
	return fmt.Appendf(nil, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(sum[:])), true
}

func (l *rawLoop) add(fd int, isSocket bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if isSocket {
		l.ws = append(l.ws, fd)
	} else {
		l.sse = append(l.sse, fd)
	}
}

func (l *rawLoop) run() {
	for f := range l.payloads {
		l.mu.Lock()
		l.ws, l.sse = writeAll(l.ws, f.ws), writeAll(l.sse, f.sse)
		l.mu.Unlock()
	}
}

// writeAll writes to all and returns those that took it.
func writeAll(fds []int, frame []byte) []int {
	left := fds[:0]
	for _, fd := range fds {
		if writeWhole(fd, frame) {
			left = append(left, fd)
		} else {
			_ = unix.Close(fd)
		}
	}
	return left
}

func writeWhole(fd int, frame []byte) bool {
	for len(frame) > 0 {
		n, err := unix.Write(fd, frame)
		switch {
		case err == nil:
			frame = frame[n:]
		case err == unix.EAGAIN:
			ready, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, stuckFor)
			if ready == 0 || err != nil && err != unix.EINTR {
				return false
			}
		case err != unix.EINTR:
			return false
		}
	}
	return true
}
