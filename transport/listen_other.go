//go:build !linux

package transport

import "net"

// tuning has peers that are gone found out.
func tuning() net.ListenConfig { return net.ListenConfig{KeepAliveConfig: alive} }

// tune keeps the kernel's buffer small; a socket without it works, less well for slow clients.
func tune(conn *net.TCPConn) { _ = conn.SetWriteBuffer(mostUnsent) }
