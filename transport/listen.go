package transport

import (
	"context"
	"net"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// Listen is net.Listen for streams: what a client has not read waits here, where the newest replaces it, and not in the
// kernel. An accepted socket takes 16 KiB unsent at most, and is given up when what was sent goes unacknowledged for 20 s (where the system can
// do that). A write deadline on it is a patience, see [patient.Conn].
func Listen(network, address string) (net.Listener, error) {
	config := tuning()
	l, err := config.Listen(context.Background(), network, address)
	if err != nil {
		return nil, err
	}
	return tuned{l}, nil
}

const (
	mostUnsent     = 16 << 10         // bytes
	unacknowledged = 20 * time.Second // before a connection is given up
)

// alive is how a peer that has gone without a word is found out.
var alive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

type tuned struct{ net.Listener }

func (l tuned) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tune(tcp)
	}
	return patient.Wrap(conn), nil
}
