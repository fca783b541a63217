package transport

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// tuning sets what it can once, on the listener, from which a socket has it when it is accepted: six calls of the kernel less for each. Of
// one that speaks Multipath TCP that is not so, and what is no TCP has none of it.
func tuning() net.ListenConfig {
	config := net.ListenConfig{KeepAlive: -1, Control: func(network, _ string, raw syscall.RawConn) error {
		if !strings.HasPrefix(network, "tcp") {
			return nil
		}
		var failed error
		err := raw.Control(func(fd uintptr) { failed = tuneListener(int(fd)) }) // #nosec G115 -- a descriptor
		return errors.Join(err, failed)
	}}
	config.SetMultipathTCP(false)
	return config
}

func tuneListener(fd int) error {
	for _, o := range []struct{ level, option, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, int(alive.Idle.Seconds())},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, int(alive.Interval.Seconds())},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, alive.Count},
		{unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, mostUnsent},
		{unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(unacknowledged.Milliseconds())},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.option, o.value); err != nil {
			return fmt.Errorf("option %d of the listener: %w", o.option, err)
		}
	}
	return nil
}

// tune finds a socket that has all of it.
func tune(*net.TCPConn) {}
