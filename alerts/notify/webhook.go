package notify

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

// How long one request may take.
const (
	defaultTimeout = 10 * time.Second
	leastTimeout   = 100 * time.Millisecond
	mostTimeout    = 30 * time.Second
)

// WebhookOptions say where events are posted to. URL must be set.
type WebhookOptions struct {
	Name    string                  `yaml:"name,omitempty"` // tells it from the others; default the host of URL
	URL     feeds.Secret            `yaml:"url"`            // http or https, with user and password where that is wanted
	Headers map[string]feeds.Secret `yaml:"headers,omitempty"`
	Secret  feeds.Secret            `yaml:"secret,omitempty"`  // signs each request: whsec_ and 24 to 64 bytes as base64; default none
	Source  string                  `yaml:"source,omitempty"`  // who the events are from, a URI; default pulsewall
	Feeds   []string                `yaml:"feeds,omitempty"`   // tell the alerts of these only; default all
	CA      string                  `yaml:"ca,omitempty"`      // file of the certificates to trust in place of the system's, in PEM
	Timeout time.Duration           `yaml:"timeout,omitempty"` // for one request, 100 ms to 30 s; default 10 s
}

// Webhook posts events as CloudEvents 1.0, in structured mode. It may be used concurrently.
type Webhook struct {
	name    string
	url     *url.URL
	header  http.Header
	key     []byte // of signatures; nil: none
	source  string
	only    only
	timeout time.Duration
	client  *http.Client
	hide    []feeds.Secret
}

// NewWebhook returns a webhook and asks nobody. The error is a *feeds.OptionError.
func NewWebhook(o WebhookOptions) (*Webhook, error) {
	u, err := parseURL(o.URL)
	if err != nil {
		return nil, err
	}
	w := &Webhook{url: u, source: cmp.Or(o.Source, "pulsewall"), only: o.Feeds, timeout: cmp.Or(o.Timeout, defaultTimeout)}
	if w.name, err = checkName(o.Name, u.Host); err != nil {
		return nil, err
	}
	if w.header, err = header(o.Headers, u.User != nil); err != nil {
		return nil, err
	}
	if w.key, err = signingKey(o.Secret); err != nil {
		return nil, err
	}
	if _, err := url.Parse(w.source); err != nil || strings.ContainsFunc(w.source, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, wrong("source", "%q is not a URI; allowed: one such as https://wall.example, or a name", w.source)
	}
	if w.timeout < leastTimeout || w.timeout > mostTimeout {
		return nil, wrong("timeout", "%s is out of bounds; allowed: %s to %s", o.Timeout, leastTimeout, mostTimeout)
	}
	config, err := feeds.Trusting("ca", o.CA)
	if err != nil {
		return nil, err
	}
	w.client = &http.Client{
		// Alerts are rare: a connection that is kept would have been closed by somebody before the next one.
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	w.hide = secretsOf(o, u)
	return w, nil
}

// parseURL reads the address to post to. Its error does not tell it.
func parseURL(s feeds.Secret) (*url.URL, error) {
	const allowed = "allowed: http://HOST/PATH or https://HOST/PATH"
	if s == "" {
		return nil, wrong("url", "is missing; %s", allowed)
	}
	u, err := url.Parse(s.Reveal())
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return nil, wrong("url", "is not one of a webhook; %s", allowed)
	}
	return u, nil
}

// ours are the headers that say what this package sends.
var ours = []string{"Accept-Encoding", "Connection", "Content-Length", "Content-Type", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
	headerID, headerTimestamp, headerSignature}

func header(given map[string]feeds.Secret, withUser bool) (http.Header, error) {
	h := http.Header{"User-Agent": {"pulsewall"}}
	for name, value := range given {
		key, canonical := "headers."+name, http.CanonicalHeaderKey(name)
		switch {
		case !httpguts.ValidHeaderFieldName(name):
			return nil, wrong(key, "is no name of a header")
		case slices.Contains(ours, canonical):
			return nil, wrong(key, "is for pulsewall to send")
		case canonical == "Authorization" && withUser:
			return nil, wrong(key, "and a user in the url exclude each other")
		case !httpguts.ValidHeaderFieldValue(value.Reveal()):
			return nil, wrong(key, "has a value with a line break or another character that no header may have")
		}
		h.Set(canonical, value.Reveal())
	}
	h.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	return h, nil
}

// longSegment is from how many characters on a part of a path is taken for a key: many services have theirs there.
const longSegment = 12

// secretsOf are what no error may tell, should the other side send it back.
func secretsOf(o WebhookOptions, u *url.URL) []feeds.Secret {
	hide := []feeds.Secret{o.URL, o.Secret}
	for _, value := range o.Headers {
		hide = append(hide, value)
		if _, token, ok := strings.Cut(value.Reveal(), " "); ok { // of a scheme such as Bearer
			hide = append(hide, feeds.Secret(token))
		}
	}
	for _, values := range u.Query() {
		for _, value := range values {
			hide = append(hide, feeds.Secret(value))
		}
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if len(segment) >= longSegment {
			hide = append(hide, feeds.Secret(segment))
		}
	}
	return hide
}

// Name tells it from other notifiers.
func (w *Webhook) Name() string { return w.name }

// Notify posts one event. The error of an answer that says to stay away is permanent.
func (w *Webhook) Notify(ctx context.Context, e alerts.Event) error {
	if !w.only.wants(e) {
		return nil
	}
	body, err := cloudEvent(e, w.source)
	if err != nil {
		return alerts.Permanent(err)
	}
	ctx, cancel := context.WithTimeout(ctx, w.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return alerts.Permanent(errors.New("the url is malformed")) // the error of the library would show it
	}
	req.Header = w.header.Clone()
	if w.key != nil {
		sign(req.Header, w.key, e.ID, body, time.Now())
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return feeds.HideSecrets(w.unreached(err), w.hide...)
	}
	defer func() { _ = resp.Body.Close() }()
	return w.judge(resp, time.Now())
}

// unreached says why there is no answer, without the URL.
func (w *Webhook) unreached(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var late net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout() {
		return fmt.Errorf("%s did not answer within %s", w.url.Host, w.timeout)
	}
	return fmt.Errorf("post to %s: %w", w.url.Host, err)
}
