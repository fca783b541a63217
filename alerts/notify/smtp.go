package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/pulsewall/pulsewall/alerts"
)

// mostHeard is how much a mail server may say in one conversation, in bytes.
const mostHeard = 1 << 20

var errTalkative = errors.New("the mail server says more than 1 MiB")

// send sends an event to all recipients who are not settled, and settles those who have it or never will.
func (m *Email) send(ctx context.Context, e alerts.Event, settled map[string]error) error {
	ctx, cancel := context.WithTimeout(ctx, mostTimeout)
	defer cancel()
	l := &line{ctx: ctx, server: &m.server}
	defer l.end()
	client, err := m.client(l)
	if err != nil {
		return err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return cmp.Or(l.cut(), err)
	}
	var again []string
	for i, to := range m.to {
		if _, ok := settled[to.Address]; ok {
			continue
		}
		msg := m.message(e, to)
		sent := client.SendWithSMTPClient(session, msg)
		code := replyCode(sent)
		switch {
		case msg.IsDelivered():
			settled[to.Address] = nil
		case code >= 500:
			settled[to.Address] = refusal(to, sent)
		default:
			again = append(again, refusal(to, cmp.Or(l.cut(), sent)).Error())
		}
		if code == 0 && sent != nil { // the connection is of no more use; next time the others come first
			m.to = append(slices.Delete(slices.Clone(m.to), i, i+1), to)
			break
		}
	}
	_ = client.CloseWithSMTPClient(session) // says goodbye; what matters was answered
	switch left := len(m.to) - len(settled); {
	case left == 0:
		return nil
	case again == nil:
		return fmt.Errorf("the connection was lost; %d of %d are still to be sent it", left, len(m.to))
	}
	return errors.New(strings.Join(again, "; "))
}

// client prepares one conversation on l.
func (m *Email) client(l *line) (*mail.Client, error) {
	s := &m.server
	opts := []mail.Option{mail.WithDialContextFunc(l.dial), mail.WithTLSConfig(s.tls), mail.WithTimeout(mostTimeout)}
	switch {
	case s.implicit:
		opts = append(opts, mail.WithSSL())
	case s.plain:
		opts = append(opts, mail.WithTLSPolicy(mail.NoTLS))
	default:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	}
	if m.user != "" {
		ways := []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin}
		if s.plain {
			ways = []mail.SMTPAuthType{mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc}
		}
		opts = append(opts, mail.WithOpportunisticSMTPAuth(ways...), mail.WithUsername(m.user), mail.WithPassword(m.password.Reveal()))
	}
	return mail.NewClient(s.host, opts...)
}

// replyCode is what the server answered to what failed; 0: it did not answer, or nothing failed.
func replyCode(err error) int {
	var failed *mail.SendError
	if errors.As(err, &failed) {
		return failed.ErrorCode()
	}
	return 0
}

// refusal is what a server said of one recipient, in one line.
func refusal(to *netmail.Address, err error) error {
	said, _, _ := strings.Cut(err.Error(), ", affected ") // what follows is about the mail, which is known
	return fmt.Errorf("%s: %s", to.Address, oneLine(said, 300))
}

// line is the connection of one conversation. The library closes it only when all went well, and knows the context only
// while it dials; so this one is closed when the context or the conversation ends.
type line struct {
	ctx    context.Context // of the one call that the line is for
	server *server
	net.Conn
	heard int
	stop  func() bool // keeps the end of the context from closing it
}

// dial is what the library calls for a connection.
func (l *line) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, l.server.addr)
	if err != nil {
		return nil, err
	}
	l.Conn = conn
	l.stop = context.AfterFunc(l.ctx, func() { _ = conn.Close() }) //nolint:contextcheck // ctx ends with the dialling
	if !l.server.implicit {
		return l, nil
	}
	secure := tls.Client(l, l.server.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secure, nil
}

// Read counts what the server says.
func (l *line) Read(p []byte) (int, error) {
	n, err := l.Conn.Read(p)
	if l.heard += n; l.heard > mostHeard {
		return n, errTalkative
	}
	return n, err
}

// cut is why the line was closed from this side; nil: it was not.
func (l *line) cut() error {
	if errors.Is(l.ctx.Err(), context.DeadlineExceeded) {
		return errors.New("the server did not answer in time")
	}
	return l.ctx.Err()
}

// end closes the line, a second time where the library has.
func (l *line) end() {
	if l.Conn != nil {
		l.stop()
		_ = l.Conn.Close() // all that matters was answered
	}
}

// message is the mail of an event to one recipient. The same event is the same mail each time.
func (m *Email) message(e alerts.Event, to *netmail.Address) *mail.Msg {
	domain := m.from.Address[strings.LastIndexByte(m.from.Address, '@')+1:]
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(m.from)
	msg.ToMailAddress(to)
	msg.SetDateWithValue(e.Time)
	msg.SetMessageIDWithValue(notInNames.ReplaceAllString(e.ID, "-") + "@" + domain)
	// All mails of an alert refer to it, so that programs show them together.
	msg.SetGenHeader(mail.HeaderReferences, "<"+notInNames.ReplaceAllString(e.Alert.ID, "-")+"@"+domain+">")
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.Subject("[pulsewall] " + oneLine(summary(e), 160))
	msg.SetBodyString(mail.TypeTextPlain, letter(e, m.link))
	return msg
}
