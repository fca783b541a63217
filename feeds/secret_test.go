package feeds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretIsNeverShown(t *testing.T) {
	const word = "correct-horse"
	v := struct {
		Key  Secret            `json:"key" yaml:"key"`
		Each map[string]Secret `json:"each" yaml:"each"`
	}{word, map[string]Secret{"a": word}}
	var shown strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&shown, verb+verb, v.Key, v)
	}
	out, err := json.Marshal(v)
	if err != nil || !bytes.Contains(out, []byte("***")) {
		t.Errorf("json.Marshal = %s, %v; want ***", out, err)
	}
	shown.Write(out)
	for _, h := range []slog.Handler{slog.NewTextHandler(&shown, nil), slog.NewJSONHandler(&shown, nil)} {
		slog.New(h).Info("x", "key", v.Key, "all", v)
	}
	if got := shown.String(); strings.Contains(got, word) || strings.Contains(got, fmt.Sprintf("%x", word)) {
		t.Errorf("a secret was shown: %s", got)
	}
	if v.Key.Reveal() != word {
		t.Errorf("Reveal = %q; want %q", v.Key.Reveal(), word)
	}
}

func TestHideSecrets(t *testing.T) {
	tests := []struct {
		text    string
		secrets []Secret
		want    string
	}{
		{"dial hunter22: refused", []Secret{"hunter22"}, "dial ***: refused"},
		{"parse postgres://a:p%40ss-word@h/d: no", []Secret{"postgres://a:p%40ss-word@h/d"}, "parse ***: no"},
		{"user a, password p@ss-word", []Secret{"postgres://a:p%40ss-word@h/d"}, "user a, password ***"},
		{"a bad abc and ab", []Secret{"ab"}, "a bad abc and ***"},
		{"ab ab", []Secret{"ab"}, "*** ***"},
		{"abab", []Secret{"ab"}, "abab"},
		{"key=a%2Fsecret+b", []Secret{"a/secret b"}, "key=***"},
		{`parse "a\"quoted\\secret": no`, []Secret{`a"quoted\secret`}, `parse "***": no`},
		{"nothing here", []Secret{"", "other1"}, "nothing here"},
	}
	for _, tt := range tests {
		if got := HideSecrets(errors.New(tt.text), tt.secrets...).Error(); got != tt.want {
			t.Errorf("HideSecrets(%q) = %q; want %q", tt.text, got, tt.want)
		}
	}
	err := HideSecrets(fmt.Errorf("ask key-of-mine: %w", context.DeadlineExceeded), "key-of-mine")
	if !errors.Is(err, context.DeadlineExceeded) || err.Error() != "ask ***: context deadline exceeded" {
		t.Errorf("HideSecrets = %v; want it to wrap the deadline", err)
	}
	if HideSecrets(nil, "x") != nil {
		t.Error("HideSecrets(nil) is an error")
	}
}
