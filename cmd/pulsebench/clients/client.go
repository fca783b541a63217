//go:build linux

package clients

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// state is how far a client is.
type state uint8

const (
	connecting state = iota // the socket is
	asking                  // the request is out
	greeting                // the stream is there, what makes the client ready is not
	ready
	gone
)

// client is one of a crowd. Its loop alone uses it.
type client struct {
	fd      int
	state   state
	stalled bool   // it does not read
	chunked bool   // its stream is
	chunks  chunks // of that stream
	rest    []byte // what came and is not whole yet
	next    uint64 // the number that is to come
	session []byte // who polls, as the first answer told
}

// fewPorts is how many clients share one address of the machine's loopback network, so that ports never run out.
const fewPorts = 20_000

// connect begins to connect the client, the nth of its crowd.
func (c *client) connect(nth int, to netip.AddrPort) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	c.fd = fd
	for _, option := range []struct{ level, name int }{
		{unix.SOL_IP, unix.IP_BIND_ADDRESS_NO_PORT}, {unix.IPPROTO_TCP, unix.TCP_NODELAY},
	} {
		if err := unix.SetsockoptInt(fd, option.level, option.name, 1); err != nil {
			return fmt.Errorf("socket option: %w", err)
		}
	}
	// It ends by a reset, which leaves no port waiting.
	if err := unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1}); err != nil {
		return fmt.Errorf("socket option: %w", err)
	}
	own := unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(2 + nth/fewPorts)}}
	if err := unix.Bind(fd, &own); err != nil {
		return fmt.Errorf("bind: %w", err)
	}
	server := unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}
	if err := unix.Connect(fd, &server); err != nil && err != unix.EINPROGRESS {
		return fmt.Errorf("connect: %w", err)
	}
	return nil
}

// send writes what is short enough for any socket that does not stall.
func (c *client) send(p []byte) error {
	n, err := unix.Write(c.fd, p)
	if err == nil && n < len(p) {
		err = unix.EAGAIN
	}
	if err != nil {
		return fmt.Errorf("write %d bytes: %w", len(p), err)
	}
	return nil
}
