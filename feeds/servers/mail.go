//go:build unix

package servers

import (
	"context"
	"crypto/tls"
	_ "embed"
	"fmt"
	"net"
	"net/textproto"
	"strconv"
	"syscall"
)

//go:embed mail.py
var mailScript string

// Mail starts a mail server that wants no password and speaks no TLS. Each mail that it takes is a line of its log, see [Server.Log]:
// JSON with to, user, tls and data. It refuses the recipient nobody@ for good and busy@ once, and a mail to stuck@ is never taken.
// The caller must Close it.
func Mail(ctx context.Context) (*Server, error) { return startMail(ctx, "plain", nil) }

// MailStartTLS is Mail that takes mail from User with Password alone, after STARTTLS with a certificate of a.
func MailStartTLS(ctx context.Context, a *Authority) (*Server, error) {
	return startMail(ctx, "starttls", a)
}

// MailTLS is MailStartTLS that speaks TLS from the start.
func MailTLS(ctx context.Context, a *Authority) (*Server, error) { return startMail(ctx, "tls", a) }

func startMail(ctx context.Context, mode string, a *Authority) (*Server, error) {
	const debian = "python3-aiosmtpd"
	if _, err := find(debian, "aiosmtpd"); err != nil { // the program that comes with the module
		return nil, err
	}
	path, err := find(debian, "/usr/bin/python3") // Debian's own, which has Debian's modules
	if err != nil {
		return nil, err
	}
	scheme := map[string]string{"plain": "smtp", "starttls": "smtp", "tls": "smtps"}[mode]
	return start(ctx, program{
		kind: "mail",
		path: path,
		prepare: func(_ context.Context, s *Server) error {
			if a != nil {
				if err := a.issue(s); err != nil {
					return err
				}
			}
			return s.write("mail.py", mailScript)
		},
		args: func(s *Server) []string {
			return []string{"-u", s.file("mail.py"), mode, strconv.Itoa(s.port), s.file(certFile), s.file(keyFile), User, Password}
		},
		answers: func(ctx context.Context, s *Server) error {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.Addr())
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			if deadline, ok := ctx.Deadline(); ok {
				if err := conn.SetDeadline(deadline); err != nil {
					return err
				}
			}
			if mode == "tls" {
				conn = tls.Client(conn, a.Trusting())
			}
			_, _, err = textproto.NewConn(conn).ReadResponse(220)
			return err
		},
		url:  func(s *Server) string { return fmt.Sprintf("%s://%s", scheme, s.Addr()) },
		quit: syscall.SIGKILL, // it keeps nothing
	})
}
