package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestHelp(t *testing.T) {
	code, stdout, stderr := invoke(t, nil, "--help")
	if code != 0 || stderr != "" {
		t.Errorf("--help = %d, %q; want 0 and no error", code, stderr)
	}
	for _, want := range []string{"--listen=HOST:PORT", "$PULSEWALL_TRUSTED_PROXY", "config check", "pulsewall --config wall.yaml", "(default 127.0.0.1:7000)"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("--help does not say %q:\n%s", want, stdout)
		}
	}
}

func TestVersion(t *testing.T) {
	code, stdout, _ := invoke(t, nil, "version")
	if code != 0 || !regexp.MustCompile(`^pulsewall \S+ go1\.\S+ \w+/\w+\n$`).MatchString(stdout) {
		t.Errorf("version = %d, %q", code, stdout)
	}
}

func TestWrongCommandLine(t *testing.T) {
	tests := []struct {
		args, env, want string
	}{
		{args: "--bogus", want: "unknown flag --bogus; allowed: --help, --config, --listen,"},
		{args: "server", want: `unexpected argument server, did you mean "serve"?; allowed: serve, config check, config print, feed test, alert test, version`},
		{args: "config", want: `expected one of "check", "print"`},
		{args: "--listen", want: "--listen needs a value; see pulsewall --help"},
		{args: "--listen 7000", want: `--listen: "7000" is not an address; allowed: host:port, such as`},
		{args: "--interval 0.5s", want: `--interval: "0.5s" is out of bounds; allowed: 1s to 1h`},
		{args: "--origin wall.example", want: `--origin: "wall.example" is not an origin; allowed: scheme://host`},
		{args: "--trusted-proxy localhost", want: `--trusted-proxy: "localhost" is not an address; allowed: an IP address or a CIDR`},
		{args: "--log-format xml", want: `--log-format: "xml" is unknown; allowed: text, json`},
		{args: "--node a/b", want: `--node: "a/b" is not a name; allowed: 1 to 64 of A-Z a-z 0-9 . _ -`},
		{args: "--tls-cert a.pem", want: `TLS needs both: --tls-cert (now "a.pem") and --tls-key (now "")`},
		{args: "--tls-cert a.pem --tls-key b.pem", want: "TLS certificate: open a.pem: no such file"},
		{env: "PULSEWALL_INTERVAL=2h", want: `PULSEWALL_INTERVAL: "2h" is out of bounds; allowed: 1s to 1h`},
		{env: "PULSEWALL_ORIGIN=null,https://a.example/x", want: `PULSEWALL_ORIGIN: "https://a.example/x" is not an origin`},
	}
	for _, tt := range tests {
		code, _, stderr := invoke(t, []string{tt.env}, strings.Fields(tt.args)...)
		if code != 2 || !strings.HasPrefix(stderr, "pulsewall: "+tt.want) {
			t.Errorf("%s pulsewall %s = %d, %s want 2, %s", tt.env, tt.args, code, stderr, tt.want)
		}
	}
}
