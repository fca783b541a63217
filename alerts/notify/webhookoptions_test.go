package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
)

func TestWebhookOptions(t *testing.T) {
	tests := []struct {
		name         string
		o            WebhookOptions
		key, problem string
	}{
		{"no url", WebhookOptions{}, "url", "is missing"},
		{"other scheme", WebhookOptions{URL: "ftp://h/secret-path"}, "url", "allowed: http://HOST/PATH"},
		{"no url at all", WebhookOptions{URL: "http://h:secret port/"}, "url", "is not one of a webhook"},
		{"name", WebhookOptions{URL: "http://h", Name: "a b"}, "name", `"a b" is not a name`},
		{"our header", WebhookOptions{URL: "http://h", Headers: map[string]feeds.Secret{"content-type": "a"}}, "headers.content-type", "is for pulsewall to send"},
		{"header over lines", WebhookOptions{URL: "http://h", Headers: map[string]feeds.Secret{"X": "a\r\nY: b"}}, "headers.X", "line break"},
		{"header name", WebhookOptions{URL: "http://h", Headers: map[string]feeds.Secret{"a b": "c"}}, "headers.a b", "is no name"},
		{"two users", WebhookOptions{URL: "http://u:p@h", Headers: map[string]feeds.Secret{"Authorization": "c"}}, "headers.Authorization", "exclude each other"},
		{"short secret", WebhookOptions{URL: "http://h", Secret: "whsec_c2hvcnQ="}, "secret", "24 to 64 bytes as base64"},
		{"source", WebhookOptions{URL: "http://h", Source: "a wall"}, "source", `"a wall" is not a URI`},
		{"timeout", WebhookOptions{URL: "http://h", Timeout: time.Minute}, "timeout", "1m0s is out of bounds; allowed: 100ms to 30s"},
		{"ca", WebhookOptions{URL: "http://h", CA: "/nosuch"}, "ca", "no such file"},
	}
	for _, tt := range tests {
		_, err := NewWebhook(tt.o)
		checkOption(t, tt.name, err, tt.key, tt.problem)
		if err != nil && strings.Contains(err.Error(), "secret-path") {
			t.Errorf("%s: %v tells the url", tt.name, err)
		}
	}
	for url, want := range map[feeds.Secret]string{"https://u:p@[::1]:8443/x": "-1-8443", "http://hooks.example/y": "hooks.example"} {
		if got := newWebhook(t, WebhookOptions{URL: url}).Name(); got != want {
			t.Errorf("Name = %q; want %q", got, want)
		}
	}
}
