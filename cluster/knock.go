package cluster

import (
	"context"
	"io"
	"net"
	"time"
)

// knock says whether a member answers at an address; without an error somebody accepts connections there, as the kernel does for one that
// hangs. The library would wait for such a one as long as it is given, though the next address were good. A member greets who greets as
// members do.
func knock(ctx context.Context, address string) (answers bool, err error) {
	const greeting = "HZC"
	dialer := net.Dialer{Timeout: dialFor}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(dialFor)); err != nil {
		return false, err
	}
	if _, err := io.WriteString(conn, greeting); err != nil {
		return false, nil
	}
	answer := make([]byte, len(greeting))
	_, err = io.ReadFull(conn, answer)
	return err == nil && string(answer) == greeting, nil
}
