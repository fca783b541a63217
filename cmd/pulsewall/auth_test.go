package main

import (
	"strings"
	"testing"
)

func TestAuthSettings(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	given := "PULSEWALL_AUTH_SECRET=" + secret
	perUser := "feeds:\n  - {name: mine, push: {key: \"0123456789abcdef\", perUser: true}}\n"
	tests := []struct {
		name string
		yaml string
		env  []string
		args []string
		says string
		code int
	}{
		{"in the file", "auth: {kind: jwt, algorithm: HS256, cookie: wall}\n", []string{given}, nil, "# auth.secret is set", 0},
		{"in the environment", "", []string{given, "PULSEWALL_AUTH=jwt", "PULSEWALL_AUTH_ALGORITHM=HS256"}, nil, "kind: jwt", 0},
		{"no algorithm", "auth: {kind: jwt}\n", []string{given}, nil, "needs --auth-algorithm", 2},
		{"no secret", "auth: {kind: jwt, algorithm: HS256}\n", nil, nil, "PULSEWALL_AUTH_SECRET", 2},
		{"short", "", []string{"PULSEWALL_AUTH_SECRET=" + secret[:31]}, nil, "31 bytes; allowed: 32 to 1024", 2},
		{"short, in the file", "auth: {kind: jwt, algorithm: HS256, secret: " + secret[:31] + "}\n", nil, nil, "auth.secret: a secret of 31 bytes", 2},
		{"short, as a flag", "", nil, []string{"--auth-secret", secret[:31]}, "--auth-secret: a secret of 31 bytes", 2},
		{"no text", "auth: {kind: jwt, algorithm: HS256, secret: [" + secret + "]}\n", nil, nil, "auth.secret: a list", 2},
		{"keys behind a key", "auth: {kind: jwt, algorithm: RS256, keys: \"https://id.example/keys?for=wall&api_key=" + secret + "\"}\n", nil, nil, "keys?for=wall&api_key=***", 0},
		{"no keys", "auth: {kind: jwt, algorithm: RS256}\n", nil, nil, "keys are missing", 2},
		{"keys on the open road", "auth: {kind: jwt, algorithm: RS256, keys: http://id.example/keys}\n", nil, nil, "want https", 2},
		{"none as algorithm", "auth: {kind: jwt, algorithm: none}\n", nil, nil, `"none" is unknown; allowed: HS256`, 2},
		{"forgot the kind", "auth: {algorithm: RS256}\n", nil, nil, "not --auth jwt", 2},
		{"per user, open", perUser, nil, []string{"--listen", ":0"}, "feed mine has records of each user", 2},
		{"per user, on this machine", perUser, nil, nil, "mine", 0},
		{"per user, all may see all", perUser, nil, []string{"--listen", ":0", "--insecure=true"}, "insecure: true", 0},
		{"per user, with tokens", perUser, []string{given}, []string{"--listen", ":0", "--auth", "jwt", "--auth-algorithm", "HS256"}, "kind: jwt", 0},
		{"simulated, open", "", nil, []string{"--listen", ":0"}, "listen: :0", 0},
	}
	for _, tt := range tests {
		args := append([]string{"config", "print"}, tt.args...)
		if tt.yaml != "" {
			writeConfig(t, tt.yaml)
			args = append(args, "--config", "wall.yaml")
		}
		code, stdout, stderr := invoke(t, tt.env, args...)
		if out := stdout + stderr; code != tt.code || !strings.Contains(out, tt.says) || strings.Contains(out, secret[:31]) {
			t.Errorf("%s: %d and\n%s\nwant %d with %q, and no secret", tt.name, code, out, tt.code, tt.says)
		}
	}
}
