package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pulsewall/pulsewall/auth"
	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/transport"
)

// Auth says whose a request is.
type Auth struct {
	// Verify says whose a token is, with the errors of auth.Verifier.Verify.
	Verify func(ctx context.Context, token string) (auth.Person, error)
	// Cookie names a cookie that may hold the token; empty: none.
	Cookie string
	// TicketKey is a secret that all nodes share, so that a ticket of one is good at another. Empty: a ticket is good only at the node
	// that gave it.
	TicketKey []byte
}

// person is who a token is of: its unionId is canonical, and its name one that can be shown.
type person struct {
	auth.Person
	byCookie bool // which a browser shows without being told to
}

// is refuses a unionId that is not the person's. An empty one is nobody else's.
func (p *person) is(unionID string) error {
	if unionID == "" || unionID == p.UnionID {
		return nil
	}
	return refuse(http.StatusForbidden, "unionId %q: the token is that of %s", clip(unionID), p.UnionID)
}

type personKey struct{}

// signedInAs is who a request's token is of; nil: tokens are not asked for.
func signedInAs(ctx context.Context) *person {
	p, _ := ctx.Value(personKey{}).(*person)
	return p
}

// challengeText is how a token is to be shown (RFC 6750, 3).
const challengeText = `Bearer realm="pulsewall"`

// challenge says how to show a token, unless it was said what to show instead.
func (d *Dashboard) challenge(h http.Header, err error) {
	switch {
	case h.Get("WWW-Authenticate") != "":
	case errors.Is(err, auth.ErrBadToken), errors.Is(err, transport.ErrTokenEnded):
		h.Set("WWW-Authenticate", challengeText+`, error="invalid_token"`)
	case d.opts.Auth != nil:
		h.Set("WWW-Authenticate", challengeText)
	}
}

// inQuery are the names under which tokens come in addresses, where logs and histories would keep them.
var inQuery = []string{"access_token", "id_token", "token", "jwt"}

// signedIn lets through who has a token, as the person it is of: what is asked for as another is refused, and a handler sees this unionId and
// name in the query, whatever stood there.
func (d *Dashboard) signedIn(next http.Handler) http.Handler {
	if d.opts.Auth == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed, err := d.signIn(r)
		if err != nil {
			d.refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, signed)
	})
}

// signIn is r as a request of the person whose token it shows.
func (d *Dashboard) signIn(r *http.Request) (*http.Request, error) {
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	for _, name := range inQuery {
		if q.Has(name) {
			return nil, refuse(http.StatusBadRequest, "%s in the address, which logs keep: want Authorization: Bearer TOKEN, or ?ticket= of POST /api/tickets", name)
		}
	}
	p, err := d.personOf(r, q)
	if err != nil {
		return nil, err
	}
	if err := p.own(q); err != nil {
		return nil, err
	}
	r = r.WithContext(context.WithValue(r.Context(), personKey{}, p))
	u := *r.URL
	u.RawQuery = p.stamp(u.RawQuery)
	r.URL = &u
	return r, nil
}

// personOf finds the token: in the header, as a ticket, or in the cookie.
func (d *Dashboard) personOf(r *http.Request, q url.Values) (*person, error) {
	var p person
	var err error
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch cookie := d.cookieOf(r); {
	case strings.EqualFold(scheme, "Bearer"):
		p.Person, err = d.verify(r.Context(), strings.TrimSpace(token))
	case q.Has("ticket") && !takesTicket(r):
		err = refuse(http.StatusUnauthorized, "a ticket opens a WebSocket or an event stream: here show the token, as Authorization: Bearer TOKEN")
	case q.Has("ticket"):
		p.Person, err = d.tickets.redeem(r.Context(), q.Get("ticket"))
	case cookie != "":
		p.byCookie = true
		p.Person, err = d.verify(r.Context(), cookie)
	default:
		err = refuse(http.StatusUnauthorized, "there is no token: want %s", d.wanted())
	}
	return &p, err
}

// cookieOf is the token in the cookie; empty: there is none.
func (d *Dashboard) cookieOf(r *http.Request) string {
	if d.opts.Auth.Cookie == "" {
		return ""
	}
	c, err := r.Cookie(d.opts.Auth.Cookie)
	if err != nil {
		return ""
	}
	return c.Value
}

// ticketed are the addresses of streams, beside those of SockJS.
var ticketed = []string{"/live", "/live/ws", "/live/sse", "/msg", "/message", channelPath}

// takesTicket says whether r opens a stream: who finds a ticket in a log that it should not be in can do nothing else with it.
func takesTicket(r *http.Request) bool {
	isStream := slices.Contains(ticketed, r.URL.Path) || strings.HasPrefix(r.URL.Path, sockJSPath)
	return isStream && r.Method == http.MethodGet && (isHandshake(r) || accepts(r, "text/event-stream"))
}

// wanted says how a token may be shown.
func (d *Dashboard) wanted() string {
	if d.opts.Auth.Cookie == "" {
		return "Authorization: Bearer TOKEN"
	}
	return fmt.Sprintf("Authorization: Bearer TOKEN, or the cookie %s", d.opts.Auth.Cookie)
}

func (d *Dashboard) verify(ctx context.Context, token string) (auth.Person, error) {
	ctx, cancel := context.WithTimeout(ctx, admitWithin)
	defer cancel()
	p, err := d.opts.Auth.Verify(ctx, token)
	switch {
	case errors.Is(err, auth.ErrUnsure), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return p, errUnsure
	case err != nil:
		return p, err
	}
	id, err := feeds.ParseUnionID(p.UnionID)
	if err != nil || id == "" {
		return p, fmt.Errorf("%w: who it is of is no unionId, a 64-bit integer", auth.ErrBadToken)
	}
	p.UnionID = id
	if p.Name = strings.ToValidUTF8(p.Name, "\ufffd"); utf8.RuneCountInString(p.Name) > mostName {
		p.Name = string([]rune(p.Name)[:mostName])
	}
	if !visible(p.Name) {
		p.Name = ""
	}
	return p, nil
}

// own refuses a query of somebody else, or for records of somebody else.
func (p *person) own(q url.Values) error {
	for _, said := range q["unionId"] {
		id, err := feeds.ParseUnionID(said)
		if err != nil {
			return err
		}
		if err := p.is(id); err != nil {
			return err
		}
	}
	for _, text := range q["sub"] {
		if sub, err := feeds.ParseSubscription(text); err == nil && p.is(sub.UnionID) != nil { // one that is wrong is told so by who reads it
			return refuse(http.StatusForbidden, "sub %q: the token is that of %s", clip(text), p.UnionID)
		}
	}
	return nil
}

// stamp is the query with the person in place of who it said, and without its ticket.
func (p *person) stamp(raw string) string {
	var kept []string
	for pair := range strings.SplitSeq(raw, "&") {
		key, _, _ := strings.Cut(pair, "=")
		switch key, _ = url.QueryUnescape(key); key {
		case "", "unionId", "name", "ticket":
		default:
			kept = append(kept, pair)
		}
	}
	kept = append(kept, "unionId="+p.UnionID)
	if p.Name != "" {
		kept = append(kept, "name="+url.QueryEscape(p.Name))
	}
	return strings.Join(kept, "&")
}

// varyingByPerson is varying, where answers also differ by whose token it is.
func (d *Dashboard) varyingByPerson(by string) func(http.Handler) http.Handler {
	if d.opts.Auth != nil {
		by += ", Authorization, Cookie"
	}
	return varying(by)
}

// revalidated has who keeps an answer ask whether it is still the newest. One that is for a person is kept by nobody else.
func (d *Dashboard) revalidated(w http.ResponseWriter) {
	if d.opts.Auth != nil {
		w.Header().Set("Cache-Control", "private, no-cache")
		return
	}
	w.Header().Set("Cache-Control", "no-cache")
}

// isOf refuses requests of somebody else than who began it: the name of a session is no secret.
func (c *sockJSCall) isOf(r *http.Request) error {
	if p := signedInAs(r.Context()); p != nil {
		return p.is(c.talker.visit.UnionID)
	}
	return nil
}
