package feeds

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
)

// unreachable says why a server cannot be talked to, and what to do; empty: something else is wrong. where is who was asked, and holds
// no secret.
func unreachable(where string, err error) string {
	var (
		dns   *net.DNSError
		late  net.Error
		plain tls.RecordHeaderError
	)
	if why := distrust(where, "ca", err); why != nil {
		return why.Error()
	}
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("no host %s is known; check the host in url", dns.Name)
	case errors.Is(err, syscall.ECONNREFUSED):
		return where + " refuses connections; see whether the server runs there, or check url"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to " + where + "; check the host in url and the network of this machine"
	case errors.As(err, &plain):
		return where + " does not speak TLS there; check the scheme and the port in url"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return where + " did not answer in time; see whether it can be reached from here, and is not overloaded"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return where + " closed the connection; see what its log says, and whether url has the right scheme and port"
	}
	return ""
}
