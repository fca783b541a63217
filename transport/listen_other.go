//go:build !linux

package transport

import "net"

// tune keeps the kernel's buffer small; a socket without it works, less well for slow clients.
func tune(conn *net.TCPConn) { _ = conn.SetWriteBuffer(mostUnsent) }
