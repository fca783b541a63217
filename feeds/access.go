package feeds

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Bounds of what is taken of an HTTP server.
const (
	DefaultMaxBytes = 8 << 20
	maxMaxBytes     = 64 << 20
	maxRedirects    = 5
)

// What Access.Redirects may be.
const (
	RedirectsSame = "same" // only to the same scheme, host and port, or from http to https
	RedirectsAny  = "any"  // to other hosts too, which are sent neither headers nor password
	RedirectsNone = "none"
)

// Access says how a server is reached over HTTP. The zero value is ready to use.
type Access struct {
	Headers     map[string]Secret `yaml:"headers,omitempty"`
	User        string            `yaml:"user,omitempty"` // with Password, basic authentication
	Password    Secret            `yaml:"password,omitempty"`
	Token       Secret            `yaml:"token,omitempty"`       // sent as Authorization: Bearer
	CA          string            `yaml:"ca,omitempty"`          // file of the certificates to trust in place of the system's, in PEM
	InsecureTLS bool              `yaml:"insecureTLS,omitempty"` // trust whoever answers: for trying out only
	Redirects   string            `yaml:"redirects,omitempty"`   // same, any or none; default same
	Timeout     time.Duration     `yaml:"timeout,omitempty"`     // for one request; default what the poll has
	MaxBytes    int64             `yaml:"maxBytes,omitempty"`    // of an answer, decompressed; 1 KiB to 64 MiB, default 8 MiB
}

// errRedirect reports a redirect that is not followed.
var errRedirect = errors.New("redirect refused")

// web asks one HTTP server. It may be used concurrently.
type web struct {
	client *http.Client
	host   string // with the port, as in the URL; alone is sent what header holds
	header http.Header
	max    int64
	rest   rest
	hide   []Secret
}

// newWeb prepares to ask the host of base, whose user and password it takes as those of a.
func (a Access) newWeb(base *url.URL) (*web, error) {
	if base.User != nil {
		if a.User != "" {
			return nil, &OptionError{Key: "user", Problem: "stands here and in the url; once is allowed"}
		}
		password, _ := base.User.Password()
		a.User, a.Password = base.User.Username(), Secret(password)
	}
	header, err := a.header()
	if err != nil {
		return nil, err
	}
	config, err := a.tls()
	if err != nil {
		return nil, err
	}
	w := &web{host: base.Host, header: header, max: cmp.Or(a.MaxBytes, DefaultMaxBytes), hide: []Secret{a.Password, a.Token}}
	for _, value := range a.Headers {
		w.hide = append(w.hide, value)
	}
	if w.max < 1<<10 || w.max > maxMaxBytes {
		return nil, &OptionError{Key: "maxBytes", Problem: fmt.Sprintf("%d; allowed: 1024 to %d", a.MaxBytes, maxMaxBytes)}
	}
	if a.Timeout < 0 {
		return nil, &OptionError{Key: "timeout", Problem: fmt.Sprintf("%s; allowed: more than 0", a.Timeout)}
	}
	redirects := cmp.Or(a.Redirects, RedirectsSame)
	if !slices.Contains([]string{RedirectsSame, RedirectsAny, RedirectsNone}, redirects) {
		return nil, &OptionError{Key: "redirects", Problem: fmt.Sprintf("%q; allowed: same, any, none", a.Redirects)}
	}
	w.client = &http.Client{
		Timeout:       a.Timeout,
		Transport:     &guard{web: w, next: newTransport(config)},
		CheckRedirect: func(next *http.Request, via []*http.Request) error { return checkRedirect(redirects, next, via) },
	}
	return w, nil
}

func newTransport(config *tls.Config) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// ours are the headers that say what this package does with the answer.
var ours = []string{"Accept-Encoding", "Connection", "Content-Length", "Host", "If-Modified-Since", "If-None-Match", "Range", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade"}

func (a Access) header() (http.Header, error) {
	header := http.Header{"User-Agent": {"pulsewall"}}
	for name, value := range a.Headers {
		key := "headers." + name
		switch canonical := http.CanonicalHeaderKey(name); {
		case !httpguts.ValidHeaderFieldName(name):
			return nil, &OptionError{Key: key, Problem: "is no name of a header"}
		case slices.Contains(ours, canonical):
			return nil, &OptionError{Key: key, Problem: "is for pulsewall to send"}
		case !httpguts.ValidHeaderFieldValue(value.Reveal()):
			return nil, &OptionError{Key: key, Problem: "has a value with a line break or another character that no header may have"}
		default:
			header.Set(canonical, value.Reveal())
		}
	}
	given := 0
	for _, has := range []bool{header.Get("Authorization") != "", a.User != "", a.Token != ""} {
		if has {
			given++
		}
	}
	switch {
	case given > 1:
		return nil, &OptionError{Key: "token", Problem: "a token, a user and a header Authorization exclude each other"}
	case a.User == "" && a.Password != "":
		return nil, &OptionError{Key: "password", Problem: "needs a user"}
	case a.User != "":
		r := http.Request{Header: header}
		r.SetBasicAuth(a.User, a.Password.Reveal())
	case !httpguts.ValidHeaderFieldValue(a.Token.Reveal()):
		return nil, &OptionError{Key: "token", Problem: "has a line break or another character that no header may have"}
	case a.Token != "":
		header.Set("Authorization", "Bearer "+a.Token.Reveal())
	}
	return header, nil
}

func (a Access) tls() (*tls.Config, error) {
	config, err := Trusting("ca", a.CA)
	if err != nil {
		return nil, err
	}
	config.InsecureSkipVerify = a.InsecureTLS // #nosec G402 -- only where the operator asks for it
	return config, nil
}

func checkRedirect(policy string, next *http.Request, via []*http.Request) error {
	next.Header.Del("Referer") // it would tell the query of the one before
	from, to := via[len(via)-1].URL, next.URL
	upgraded := from.Scheme == "http" && to.Scheme == "https"
	same := strings.EqualFold(from.Host, to.Host) && (from.Scheme == to.Scheme || upgraded)
	switch {
	case policy == RedirectsNone:
		return fmt.Errorf("%w: it redirects to %s, and redirects is none", errRedirect, to.Host)
	case from.Scheme == "https" && to.Scheme != "https":
		return fmt.Errorf("%w: it redirects from https to %s", errRedirect, to.Scheme)
	case policy == RedirectsSame && !same:
		return fmt.Errorf("%w: it redirects to %s, another host; put that into the url, or set redirects: any", errRedirect, to.Host)
	case next.Method != via[0].Method:
		return fmt.Errorf("%w: it redirects to %s://%s, which loses what is asked; put that into the url", errRedirect, to.Scheme, to.Host)
	case len(via) >= maxRedirects:
		return fmt.Errorf("%w: it redirects more than %d times", errRedirect, maxRedirects)
	}
	return nil
}

// close lets go of the connections that nobody uses.
func (w *web) close() error {
	w.client.CloseIdleConnections()
	return nil
}

// get asks for u. The caller must close the body of the answer.
func (w *web) get(ctx context.Context, u string, header http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, errors.New("the url is malformed") // the error of the library would show it
	}
	req.Header = header
	return w.client.Do(req)
}

// guard adds to each request what only its own host may see, and bounds each answer.
type guard struct {
	web  *web
	next *http.Transport
}

func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.EqualFold(r.URL.Host, g.web.host) {
		r = r.Clone(r.Context())
		for name, values := range g.web.header {
			r.Header[name] = values
		}
	}
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	g.web.rest.hear(resp, time.Now())
	resp.Body = http.MaxBytesReader(nil, resp.Body, g.web.max)
	return resp, nil
}

// CloseIdleConnections is what http.Client asks its transport for.
func (g *guard) CloseIdleConnections() { g.next.CloseIdleConnections() }
