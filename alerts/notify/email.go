package notify

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	netmail "net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

const (
	// mostRecipients is how many addresses one Email may have: more is a mailing list's work.
	mostRecipients = 50
	// mostWaiting is for how many events it is remembered who has them already.
	mostWaiting = 1000
)

// EmailOptions say which server sends to whom. Server, From and To must be set.
type EmailOptions struct {
	Name string `yaml:"name,omitempty"` // tells it from the others; default email
	// Server is smtp://HOST:PORT (port 587 by default), which must offer STARTTLS unless HOST is this machine, or
	// smtps://HOST:PORT (465), which speaks TLS from the start.
	Server   string       `yaml:"server"`
	User     string       `yaml:"user,omitempty"`
	Password feeds.Secret `yaml:"password,omitempty"`
	CA       string       `yaml:"ca,omitempty"`    // file of the certificates to trust in place of the system's, in PEM; asks for TLS on this machine too
	From     string       `yaml:"from"`            // an address, or Name <address>
	To       []string     `yaml:"to"`              // 1 to 50 such
	Link     string       `yaml:"link,omitempty"`  // address of the page that people open; default none
	Feeds    []string     `yaml:"feeds,omitempty"` // tell the alerts of these only; default all
}

// Email sends each recipient a mail of an event. It is used by one goroutine at a time.
type Email struct {
	name     string
	server   server
	user     string
	password feeds.Secret
	from     *netmail.Address
	to       []*netmail.Address
	link     string
	only     only
	// settled is, by event, who was sent it (nil) or was refused for good, while others are to be tried again.
	settled map[string]map[string]error
}

// server is where mail is given to, and how.
type server struct {
	host, addr string // addr with the port
	implicit   bool   // TLS from the start
	plain      bool   // no TLS: it is this machine
	tls        *tls.Config
}

// NewEmail returns an Email and asks nobody. The error is a *feeds.OptionError.
func NewEmail(o EmailOptions) (*Email, error) {
	m := &Email{user: o.User, password: o.Password, link: o.Link, only: o.Feeds, settled: make(map[string]map[string]error)}
	var err error
	if m.name, err = checkName(o.Name, "email"); err != nil {
		return nil, err
	}
	if m.server, err = parseServer(o.Server, o.CA); err != nil {
		return nil, err
	}
	if (o.User == "") != (o.Password == "") {
		return nil, wrong("user", "and password need each other")
	}
	if m.from, err = address("from", o.From); err != nil {
		return nil, err
	}
	if len(o.To) == 0 || len(o.To) > mostRecipients {
		return nil, wrong("to", "has %d addresses; allowed: 1 to %d", len(o.To), mostRecipients)
	}
	for i, text := range o.To {
		key := fmt.Sprintf("to[%d]", i)
		to, err := address(key, text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(m.to, func(other *netmail.Address) bool { return other.Address == to.Address }) {
			return nil, wrong(key, "%q stands here a second time", to.Address)
		}
		m.to = append(m.to, to)
	}
	if u, err := url.Parse(o.Link); o.Link != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
		return nil, wrong("link", "%q is no address of a page; allowed: one such as https://wall.example/alerts", o.Link)
	}
	return m, nil
}

// parseServer reads where mail is given to.
func parseServer(text, ca string) (server, error) {
	const allowed = "allowed: smtp://HOST:PORT or smtps://HOST:PORT"
	u, err := url.Parse(text)
	switch {
	case text == "":
		return server{}, wrong("server", "is missing; %s", allowed)
	case err == nil && u.User != nil:
		return server{}, wrong("server", "has a user; user and password stand in keys of their own")
	case err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return server{}, wrong("server", "%q is not a mail server; %s", text, allowed)
	}
	s := server{host: u.Hostname(), implicit: u.Scheme == "smtps"}
	port := "587"
	if s.implicit {
		port = "465"
	}
	port = cmp.Or(u.Port(), port)
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return server{}, wrong("server", "%q has no such port; %s", text, allowed)
	}
	s.addr = net.JoinHostPort(s.host, port)
	s.plain = !s.implicit && ca == "" && loopback(s.host)
	if s.tls, err = feeds.Trusting("ca", ca); err != nil {
		return server{}, err
	}
	s.tls.ServerName = s.host
	return s, nil
}

// loopback says whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

func address(key, text string) (*netmail.Address, error) {
	if text == "" {
		return nil, wrong(key, "is missing; allowed: an address, or Name <address>")
	}
	a, err := netmail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, wrong(key, "%q is not an address; allowed: user@host, or Name <user@host>", text)
	}
	return a, nil
}

// Name tells it from other notifiers.
func (m *Email) Name() string { return m.name }

// Notify sends one event to all recipients who do not have it yet. While one of them may still get it, the error is not
// permanent; when nobody is left, it is, and names who was refused for good.
func (m *Email) Notify(ctx context.Context, e alerts.Event) error {
	if !m.only.wants(e) {
		return nil
	}
	settled := m.settled[e.ID]
	if settled == nil {
		if len(m.settled) >= mostWaiting {
			clear(m.settled) // those that nobody asks for any more; who else is sent again knows it by the Message-ID
		}
		settled = make(map[string]error)
		m.settled[e.ID] = settled
	}
	if err := m.send(ctx, e, settled); err != nil {
		return feeds.HideSecrets(fmt.Errorf("mail by %s: %w", m.server.addr, err), m.password)
	}
	delete(m.settled, e.ID)
	var refused []string
	for _, to := range slices.Sorted(maps.Keys(settled)) {
		if err := settled[to]; err != nil {
			refused = append(refused, err.Error())
		}
	}
	if refused == nil {
		return nil
	}
	text := fmt.Sprintf("mail by %s: refused for %d of %d: %s", m.server.addr, len(refused), len(m.to), strings.Join(refused, "; "))
	return alerts.Permanent(feeds.HideSecrets(errors.New(text), m.password))
}
