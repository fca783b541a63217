package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"syscall"

	"github.com/pulsewall/pulsewall/transport"
)

// airPlayPort is where the AirPlay Receiver of macOS listens.
const airPlayPort = 7000

// listen opens addr. The error says what to do about it.
func listen(addr address) (net.Listener, error) {
	ln, err := transport.Listen("tcp", string(addr))
	if err == nil {
		return ln, nil
	}
	host, text, _ := net.SplitHostPort(string(addr))
	port, _ := strconv.Atoi(text) // checked when addr was read
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		hint := ""
		if port == airPlayPort {
			hint = " (on macOS AirPlay Receiver uses it)"
		}
		return nil, fmt.Errorf("port %d is taken%s: try --listen %s", port, hint, net.JoinHostPort(host, freePort(host, port)))
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("port %d needs more rights than this user has: try --listen %s", port, net.JoinHostPort(host, "7000"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is no address of this machine: try --listen 127.0.0.1:%d, or :%d for all of them", host, port, port)
	}
	return nil, fmt.Errorf("listen on %s: %w", addr, err)
}

// freePort returns the first free port above taken, or 0, which always works.
func freePort(host string, taken int) string {
	for port := taken + 1; port <= min(taken+20, 65535); port++ {
		text := strconv.Itoa(port)
		if ln, err := net.Listen("tcp", net.JoinHostPort(host, text)); err == nil {
			_ = ln.Close() // was only a try
			return text
		}
	}
	return "0"
}

// url is the address to open in a browser of this machine.
func (v address) url(secure bool) string {
	host, port, _ := net.SplitHostPort(string(v))
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	if secure {
		return "https://" + net.JoinHostPort(host, port)
	}
	return "http://" + net.JoinHostPort(host, port)
}

func loopback(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
