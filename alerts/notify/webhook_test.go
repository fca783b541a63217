package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/alerts"
	"github.com/pulsewall/pulsewall/feeds"
)

const testSecret = "whsec_c2VjcmV0LW9mLTMyLWJ5dGVzLWZvci10aGUtdGVzdHM="

// post is a request as a server saw it.
type post struct {
	header http.Header
	body   []byte
}

// serve answers each request by handle, after the request is in the channel.
func serve(t *testing.T, handle http.HandlerFunc) (url string, posts chan post) {
	t.Helper()
	posts = make(chan post, 16) // more than any test makes
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost {
			t.Errorf("%s with %v; want a POST", r.Method, err)
		}
		posts <- post{r.Header, body}
		handle(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL, posts
}

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }

func newWebhook(t *testing.T, o WebhookOptions) *Webhook {
	t.Helper()
	w, err := NewWebhook(o)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	url, posts := serve(t, ok)
	w := newWebhook(t, WebhookOptions{URL: feeds.Secret(url + "/hook?key=a"), Secret: testSecret, Source: "https://wall.example", Headers: map[string]feeds.Secret{"x-team": "night"}})
	for range 2 {
		if err := w.Notify(t.Context(), raised()); err != nil {
			t.Fatal(err)
		}
	}
	first, second := <-posts, <-posts
	if !bytes.Equal(first.body, second.body) {
		t.Errorf("the same event is\n%s\nand\n%s", first.body, second.body)
	}
	if got := first.header.Get("Content-Type"); got != "application/cloudevents+json; charset=utf-8" || first.header.Get("X-Team") != "night" {
		t.Errorf("headers %v; want a CloudEvent and those of the options", first.header)
	}
	var got struct {
		Specversion, ID, Source, Type, Subject, Time, Datacontenttype string
		Data                                                          struct {
			Text, Change string
			Alert        alerts.Alert
		}
	}
	if err := json.Unmarshal(first.body, &got); err != nil {
		t.Fatal(err)
	}
	seen := strings.Join([]string{got.Specversion, got.ID, got.Source, got.Type, got.Subject, got.Time, got.Datacontenttype, got.Data.Change}, " ")
	want := "1.0 0a1b2c3d4e5f6071-t3k9z-1 https://wall.example pulsewall.alert.raised rooms/boiler-1 2026-11-22T21:04:11.5Z application/json raised"
	if seen != want || *got.Data.Alert.Value != 93.5 || !strings.Contains(got.Data.Text, "Boiler 1 Süd") {
		t.Errorf("got  %s, %+v\nwant %s", seen, got.Data, want)
	}
	checkSignature(t, first)
}

// checkSignature does what Standard Webhooks ask of a receiver.
func checkSignature(t *testing.T, p post) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(testSecret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	id, at := p.header.Get("webhook-id"), p.header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "." + string(p.body)))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); p.header.Get("webhook-signature") != want || id != raised().ID {
		t.Errorf("signature %s of %s; want %s", p.header.Get("webhook-signature"), id, want)
	}
	if seconds, err := strconv.ParseInt(at, 10, 64); err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		t.Errorf("webhook-timestamp %q; want now", at)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code  int
		after string
		want  string // type of the error
		says  string
	}{
		{code: 200, want: "<nil>"},
		{code: 202, want: "<nil>"},
		{code: 302, want: "alerts.permanent", says: "answered 302 Found: redirects are not followed"},
		{code: 400, want: "alerts.permanent", says: "answered 400 Bad Request: no such channel"},
		{code: 404, want: "alerts.permanent", says: "answered 404"},
		{code: 410, want: "alerts.permanent", says: "answered 410 Gone"},
		{code: 408, want: "other", says: "answered 408"},
		{code: 429, want: "other", says: "answered 429"},
		{code: 429, after: "7", want: "alerts.later", says: "answered 429"},
		{code: 500, want: "other", says: "answered 500"},
		{code: 503, after: "Sun, 22 Nov 2093 21:00:00 GMT", want: "alerts.later", says: "answered 503"},
		{code: 503, after: "soon", want: "other", says: "answered 503"},
		{code: 799, want: "other", says: "answered 799: no such channel"},
	}
	for _, tt := range tests {
		url, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.after)
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(tt.code)
			fmt.Fprint(w, "no such\r\n\x1b channel")
		})
		err := newWebhook(t, WebhookOptions{URL: feeds.Secret(url)}).Notify(t.Context(), raised())
		kind := fmt.Sprintf("%T", err)
		if err != nil && !strings.HasPrefix(kind, "alerts.") {
			kind = "other"
		}
		if kind != tt.want || err != nil && !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%d with Retry-After %q: %s %v; want %s …%s…", tt.code, tt.after, kind, err, tt.want, tt.says)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 21, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "-7": 0, "1e9": 0, "99999999999": 0, "Sun, 22 Nov 2026 21:00:09 GMT": 9 * time.Second, "Sun, 22 Nov 2026 20:00:00 GMT": 0,
	} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("retryAfter(%q) = %s; want %s", in, got, want)
		}
	}
}

// TestWebhookTrouble wants what went wrong to be told, and the next attempt to do.
func TestWebhookTrouble(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	url, posts := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) {
		case 1: // ends in the middle of its answer
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 200")
			_ = conn.Close()
		case 2: // never answers
			<-r.Context().Done()
		case 3: // never ends its answer
			w.WriteHeader(http.StatusBadGateway)
			for {
				if _, err := w.Write(bytes.Repeat([]byte("a "), 1<<10)); err != nil {
					return
				}
			}
		}
	})
	w := newWebhook(t, WebhookOptions{URL: feeds.Secret(url), Timeout: 10 * time.Second})
	temporary(t, w.Notify(t.Context(), raised()), "post to 127.0.0.1:")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Notify(ctx, raised()) }()
	<-posts
	<-posts // the second is there
	cancel()
	temporary(t, <-ended, "context canceled")
	err := w.Notify(t.Context(), raised())
	temporary(t, err, "502 Bad Gateway: a a a")
	if len(err.Error()) > 300 {
		t.Errorf("an error of %d characters", len(err.Error()))
	}
	if err := w.Notify(t.Context(), raised()); err != nil {
		t.Errorf("at last: %v", err)
	}
}

func TestWebhookPatience(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	w := newWebhook(t, WebhookOptions{URL: feeds.Secret(url), Timeout: 100 * time.Millisecond})
	temporary(t, w.Notify(t.Context(), raised()), "did not answer within 100ms")
}

func TestWebhookStaysWhereItIs(t *testing.T) {
	t.Parallel()
	elsewhere, posts := serve(t, ok)
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	err := newWebhook(t, WebhookOptions{URL: feeds.Secret(url)}).Notify(t.Context(), raised())
	if !alerts.IsPermanent(err) || len(posts) != 0 {
		t.Errorf("redirected: %v, and %d posts elsewhere; want a permanent error and none", err, len(posts))
	}
}

// TestWebhookSecrets has a server send back what it was sent, and one that is not there.
func TestWebhookSecrets(t *testing.T) {
	t.Parallel()
	const password, key, token, segment = "pass-4711-word", "key-4711-query", "token-4711-header", "T0SEGMENT4711KEY"
	url, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, sent, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s %s %s", r.URL, strings.TrimPrefix(r.Header.Get("X-Token"), "Bearer "), sent)
	})
	for _, base := range []string{url, "http://127.0.0.1:1", "https" + strings.TrimPrefix(url, "http")} {
		scheme, host, _ := strings.Cut(base, "://")
		full := scheme + "://me:" + password + "@" + host + "/services/" + segment + "?key=" + key
		w := newWebhook(t, WebhookOptions{URL: feeds.Secret(full), Headers: map[string]feeds.Secret{"X-Token": "Bearer " + token}, Secret: testSecret})
		err := w.Notify(t.Context(), raised())
		if err == nil || !strings.Contains(err.Error(), host) {
			t.Errorf("%s: %v; want an error that names the host", host, err)
			continue
		}
		for _, secret := range []string{password, key, token, segment} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%v tells %s", err, secret)
			}
		}
	}
}

func TestWebhookTrust(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshake that is refused
	server.StartTLS()
	t.Cleanup(server.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	temporary(t, newWebhook(t, WebhookOptions{URL: feeds.Secret(server.URL)}).Notify(t.Context(), raised()), "certificate signed by unknown authority")
	if err := newWebhook(t, WebhookOptions{URL: feeds.Secret(server.URL), CA: ca}).Notify(t.Context(), raised()); err != nil {
		t.Errorf("with its certificate: %v", err)
	}
}

func TestOnlySomeFeeds(t *testing.T) {
	t.Parallel()
	url, posts := serve(t, ok)
	w := newWebhook(t, WebhookOptions{URL: feeds.Secret(url), Feeds: []string{"stocks", "rooms"}})
	other := raised()
	other.Alert.Feed = "host"
	for _, e := range []alerts.Event{other, raised(), NewTrial(time.Now())} {
		if err := w.Notify(t.Context(), e); err != nil {
			t.Errorf("%s: %v", e.Alert.Feed, err)
		}
	}
	if len(posts) != 2 || !strings.Contains(string((<-posts).body), `"subject":"rooms/boiler-1"`) || !strings.Contains(string((<-posts).body), `"type":"pulsewall.alert.test"`) {
		t.Error("want the one of rooms and the test to be posted, in this order")
	}
}
