//go:build unix

package notify

import (
	"context"
	"encoding/json"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds/servers"
)

// mailed is a mail as a server took it.
type mailed struct {
	To     []string
	Sender string
	User   string
	TLS    bool
	Data   string

	header netmail.Header
	text   string
}

// mails are those that a server took, in order.
func mails(t *testing.T, s *servers.Server) []mailed {
	t.Helper()
	var out []mailed
	for line := range strings.Lines(s.Log()) {
		var m mailed
		if json.Unmarshal([]byte(line), &m) != nil || m.Data == "" {
			continue
		}
		msg, err := netmail.ReadMessage(strings.NewReader(m.Data))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(msg.Body))
		if err != nil {
			t.Fatal(err)
		}
		m.header, m.text = msg.Header, strings.ReplaceAll(string(text), "\r\n", "\n")
		out = append(out, m)
	}
	return out
}

// recipients are those of the mails that a server took, in order.
func recipients(t *testing.T, s *servers.Server) string {
	t.Helper()
	var out []string
	for _, m := range mails(t, s) {
		out = append(out, m.To...)
	}
	return strings.Join(out, " ")
}

// started fails the test when a server did not start, and closes it at the end.
func started(t *testing.T, s *servers.Server, err error) *servers.Server {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func authority(t *testing.T) *servers.Authority {
	t.Helper()
	a, err := servers.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newEmail(t *testing.T, o EmailOptions) *Email {
	t.Helper()
	if o.From == "" {
		o.From = "Wall <wall@pulsewall.example>"
	}
	m, err := NewEmail(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// logSays waits until a server has written something.
func logSays(t *testing.T, s *servers.Server, what string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for !strings.Contains(s.Log(), what) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("no %q in the log:\n%s", what, s.Log())
		}
	}
}

func TestEmail(t *testing.T) {
	t.Parallel()
	a := authority(t)
	for name, start := range map[string]func() (*servers.Server, error){
		"plain":    func() (*servers.Server, error) { return servers.Mail(t.Context()) },
		"starttls": func() (*servers.Server, error) { return servers.MailStartTLS(t.Context(), a) },
		"tls":      func() (*servers.Server, error) { return servers.MailTLS(t.Context(), a) },
	} {
		t.Run(name, func(t *testing.T) {
			s, err := start()
			started(t, s, err)
			o := EmailOptions{Server: s.URL(), To: []string{"ops@pulsewall.example", "Nächte <night@pulsewall.example>"}, Link: "https://wall.example/alerts"}
			if name != "plain" {
				o.User, o.Password, o.CA = servers.User, servers.Password, a.File
			}
			m := newEmail(t, o)
			for range 2 {
				if err := m.Notify(t.Context(), raised()); err != nil {
					t.Fatal(err)
				}
			}
			got := mails(t, s)
			if recipients(t, s) != "ops@pulsewall.example night@pulsewall.example ops@pulsewall.example night@pulsewall.example" {
				t.Fatalf("mails to %s; want each asked for, each time", recipients(t, s))
			}
			for _, mail := range got {
				if mail.TLS != (name != "plain") || mail.User != o.User || mail.Sender != "wall@pulsewall.example" {
					t.Errorf("mail with TLS %v of user %q from %s", mail.TLS, mail.User, mail.Sender)
				}
				checkMail(t, mail)
			}
			if got[0].Data != got[2].Data {
				t.Errorf("the same event is\n%s\nand\n%s", got[0].Data, got[2].Data)
			}
		})
	}
}

func checkMail(t *testing.T, mail mailed) {
	t.Helper()
	subject, err := new(mime.WordDecoder).DecodeHeader(mail.header.Get("Subject"))
	if want := "[pulsewall] " + raised().Text(); err != nil || subject != want {
		t.Errorf("subject %q, %v; want %q", subject, err, want)
	}
	for key, want := range map[string]string{
		"Message-Id": "<0a1b2c3d4e5f6071-t3k9z-1@pulsewall.example>", "References": "<0a1b2c3d4e5f6071-t3k9z@pulsewall.example>",
		"From": `"Wall" <wall@pulsewall.example>`, "Auto-Submitted": "auto-generated", "Date": "Sun, 22 Nov 2026 21:04:11 +0000",
	} {
		if got := mail.header.Get(key); got != want {
			t.Errorf("%s: %q; want %q", key, got, want)
		}
	}
	for _, want := range []string{"Value     93.5 °C\n", "Bound     90 °C or more\n", "State     crit\n", "Since     2026-11-22 21:03:11 UTC\n", "\nhttps://wall.example/alerts\n"} {
		if !strings.Contains(mail.text, want) {
			t.Errorf("no %q in\n%s", want, mail.text)
		}
	}
}

// TestEmailEach wants each recipient to get a mail once, whatever becomes of the others.
func TestEmailEach(t *testing.T) {
	t.Parallel()
	server, err := servers.Mail(t.Context())
	s := started(t, server, err)
	m := newEmail(t, EmailOptions{Server: s.URL(), To: []string{"nobody@pulsewall.example", "busy@pulsewall.example", "ops@pulsewall.example"}})
	temporary(t, m.Notify(t.Context(), raised()), "busy@pulsewall.example: ")
	if got := recipients(t, s); got != "ops@pulsewall.example" {
		t.Errorf("mails to %q; want to ops alone", got)
	}
	err = m.Notify(t.Context(), raised())
	if !alerts.IsPermanent(err) || !strings.Contains(err.Error(), "refused for 1 of 3: nobody@pulsewall.example: ") || !strings.Contains(err.Error(), `550 "5.1.1 no such user"`) {
		t.Errorf("at last: %v; want a permanent error that names who was refused", err)
	}
	if got := recipients(t, s); got != "ops@pulsewall.example busy@pulsewall.example" {
		t.Errorf("mails to %q; want to ops and then to busy", got)
	}
}

func TestEmailLogin(t *testing.T) {
	t.Parallel()
	a := authority(t)
	server, err := servers.MailStartTLS(t.Context(), a)
	s := started(t, server, err)
	const wrong = "wrong-4711-word"
	o := EmailOptions{Server: s.URL(), To: []string{"ops@pulsewall.example"}, User: servers.User, Password: wrong, CA: a.File}
	err = newEmail(t, o).Notify(t.Context(), raised())
	temporary(t, err, "535")
	if strings.Contains(err.Error(), wrong) || !strings.Contains(s.Log(), `"ok": false`) {
		t.Errorf("%v, and the server saw %s", err, s.Log())
	}
	o.User, o.Password = "", ""
	if err := newEmail(t, o).Notify(t.Context(), raised()); !alerts.IsPermanent(err) || !strings.Contains(err.Error(), "530") {
		t.Errorf("without a password: %v; want a permanent error", err)
	}
	if got := recipients(t, s); got != "" {
		t.Errorf("mails to %s; want none", got)
	}
}

// TestEmailTLS wants no password and no mail to go to a server that nobody can be sure of.
func TestEmailTLS(t *testing.T) {
	t.Parallel()
	a, stranger := authority(t), authority(t)
	one, err := servers.Mail(t.Context())
	plain := started(t, one, err)
	two, err := servers.MailTLS(t.Context(), stranger)
	foreign := started(t, two, err)
	o := EmailOptions{Server: plain.URL(), To: []string{"ops@pulsewall.example"}, User: servers.User, Password: servers.Password, CA: a.File}
	temporary(t, newEmail(t, o).Notify(t.Context(), raised()), "STARTTLS")
	o.Server = foreign.URL()
	temporary(t, newEmail(t, o).Notify(t.Context(), raised()), "certificate")
	for _, s := range []*servers.Server{plain, foreign} {
		if log := s.Log(); strings.Contains(log, "login") || strings.Contains(log, `"data"`) {
			t.Errorf("a server that is not trusted saw\n%s", log)
		}
	}
}

// TestEmailTrouble has the server killed, started again, killed while it takes a mail, and frozen.
func TestEmailTrouble(t *testing.T) {
	t.Parallel()
	server, err := servers.Mail(t.Context())
	s := started(t, server, err)
	m := newEmail(t, EmailOptions{Server: s.URL(), To: []string{"ops@pulsewall.example"}})
	s.Kill()
	temporary(t, m.Notify(t.Context(), raised()), "refused")
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := m.Notify(t.Context(), raised()); err != nil {
		t.Fatal(err)
	}

	stuck := newEmail(t, EmailOptions{Server: s.URL(), To: []string{"first@pulsewall.example", "stuck@pulsewall.example", "last@pulsewall.example"}})
	ended := make(chan error, 1)
	go func() { ended <- stuck.Notify(t.Context(), raised()) }()
	logSays(t, s, `"stuck"`)
	s.Kill()
	temporary(t, <-ended, "stuck@pulsewall.example: ")
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := recipients(t, s); got != "ops@pulsewall.example first@pulsewall.example" {
		t.Errorf("mails to %q; want each that was taken, once", got)
	}

	s.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	temporary(t, m.Notify(ctx, raised()), "did not answer in time")
	s.Thaw()
	if err := m.Notify(t.Context(), raised()); err != nil {
		t.Errorf("thawed: %v", err)
	}
}

// TestEmailHostile has a record whose texts would like to be headers.
func TestEmailHostile(t *testing.T) {
	t.Parallel()
	server, err := servers.Mail(t.Context())
	s := started(t, server, err)
	e := raised()
	e.ID, e.Alert.ID = "a>\r\nBcc: <evil@pulsewall.example", "b\nX-Evil: 1"
	e.Alert.Label = "Boiler\r\nBcc: evil@pulsewall.example\r\n\r\nhello\u2028\x1b[2J"
	e.Alert.Record, e.Alert.Unit, e.Alert.UnionID = e.Alert.Label, "\r\n.\r\nMAIL FROM:<evil@pulsewall.example>", "x\n.\n"
	m := newEmail(t, EmailOptions{Server: s.URL(), To: []string{"ops@pulsewall.example"}})
	if err := m.Notify(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	got := mails(t, s)
	if len(got) != 1 || recipients(t, s) != "ops@pulsewall.example" {
		t.Fatalf("%d mails to %q; want one to ops", len(got), recipients(t, s))
	}
	var keys []string
	for key := range got[0].header {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	want := "Auto-Submitted Content-Transfer-Encoding Content-Type Date From Message-Id Mime-Version References Subject To"
	if seen := strings.Join(keys, " "); seen != want || strings.ContainsAny(got[0].text, "\r\x1b\u2028") {
		t.Errorf("headers %s; want %s; text %q", seen, want, got[0].text)
	}
}

func TestEmailOptions(t *testing.T) {
	right := EmailOptions{Server: "smtps://mail.example", From: "wall@pulsewall.example", To: []string{"ops@pulsewall.example"}}
	tests := []struct {
		name         string
		change       func(*EmailOptions)
		key, problem string
	}{
		{"no server", func(o *EmailOptions) { o.Server = "" }, "server", "is missing"},
		{"host alone", func(o *EmailOptions) { o.Server = "mail.example:25" }, "server", "allowed: smtp://HOST:PORT or smtps://HOST:PORT"},
		{"other scheme", func(o *EmailOptions) { o.Server = "http://mail.example" }, "server", `"http://mail.example" is not a mail server`},
		{"port", func(o *EmailOptions) { o.Server = "smtp://mail.example:99999" }, "server", "no such port"},
		{"user in the server", func(o *EmailOptions) { o.Server = "smtp://u:word4711@mail.example" }, "server", "keys of their own"},
		{"user alone", func(o *EmailOptions) { o.User = "u" }, "user", "need each other"},
		{"no from", func(o *EmailOptions) { o.From = "" }, "from", "is missing"},
		{"from over lines", func(o *EmailOptions) { o.From = "a@b.example\r\nBcc: c@d.example" }, "from", "is not an address"},
		{"nobody", func(o *EmailOptions) { o.To = nil }, "to", "has 0 addresses; allowed: 1 to 50"},
		{"to", func(o *EmailOptions) { o.To = []string{"ops@pulsewall.example", "ops"} }, "to[1]", `"ops" is not an address`},
		{"twice", func(o *EmailOptions) { o.To = append(o.To, "Ops <ops@pulsewall.example>") }, "to[1]", "a second time"},
		{"link", func(o *EmailOptions) { o.Link = "wall.example" }, "link", "is no address of a page"},
		{"ca", func(o *EmailOptions) { o.CA = "/nosuch" }, "ca", "no such file"},
		{"name", func(o *EmailOptions) { o.Name = "a/b" }, "name", "is not a name"},
	}
	for _, tt := range tests {
		o := right
		o.To = slices.Clone(right.To)
		tt.change(&o)
		_, err := NewEmail(o)
		checkOption(t, tt.name, err, tt.key, tt.problem)
		if err != nil && strings.Contains(err.Error(), "word4711") {
			t.Errorf("%s: %v tells the password", tt.name, err)
		}
	}
	m, err := NewEmail(right)
	if err != nil || m.Name() != "email" || m.server.addr != "mail.example:465" {
		t.Errorf("NewEmail = %+v, %v; want email by mail.example:465", m, err)
	}
}
