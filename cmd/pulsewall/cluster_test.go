package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestNodeLinks(t *testing.T) {
	const secret = "0123456789abcdef"
	tests := []struct {
		env  []string
		says string // with config print
		code int
	}{
		{[]string{"PULSEWALL_NODE_SECRET=" + secret, "PULSEWALL_NODE_ADDRESS=http://10.0.0.7:7000"}, "nodeAddress: http://10.0.0.7:7000", 0},
		{[]string{"PULSEWALL_NODE_SECRET=" + secret}, "# nodeSecret is set", 0},
		{[]string{"PULSEWALL_NODE_SECRET=short"}, "5 characters; allowed: 16 to 256", 2},
		{[]string{"PULSEWALL_NODE_ADDRESS=http://10.0.0.7:7000"}, "needs --node-secret", 2},
		{[]string{"PULSEWALL_NODE_SECRET=" + secret, "PULSEWALL_NODE_ADDRESS=10.0.0.7:7000"}, "allowed: http://HOST:PORT", 2},
		{[]string{"PULSEWALL_NODE_SECRET=" + secret, "PULSEWALL_NODE_ADDRESS=http://10.0.0.7:7000/x"}, "without a path", 2},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		code := run(t.Context(), []string{"config", "print"}, tt.env, &out, &out)
		if code != tt.code || !strings.Contains(out.String(), tt.says) || strings.Contains(out.String(), secret) {
			t.Errorf("config print with %q = %d and\n%s\nwant %d with %q, and no secret", tt.env, code, out.String(), tt.code, tt.says)
		}
	}
}

// TestPrintedSecrets has a printed configuration go on where its secrets are given again, and say which are missing where they are not.
func TestPrintedSecrets(t *testing.T) {
	secret := "PULSEWALL_NODE_SECRET=0123456789abcdef"
	_, printed, _ := invoke(t, []string{secret, "PULSEWALL_NODE_ADDRESS=http://10.0.0.7:7000"}, "config", "print")
	writeConfig(t, printed)
	if code, _, stderr := invoke(t, []string{secret}, "config", "check", "--config", "wall.yaml"); code != 0 {
		t.Errorf("config check with the secret = %d, %s", code, stderr)
	}
	if code, _, stderr := invoke(t, nil, "config", "check", "--config", "wall.yaml"); code != 2 || !strings.Contains(stderr, "needs --node-secret") {
		t.Errorf("config check without the secret = %d, %s", code, stderr)
	}
	_, printed, _ = invoke(t, nil, "config", "print", "--cluster", "hazelcast://ann:hidden@127.0.0.1:5701")
	if !strings.Contains(printed, "***") || strings.Contains(printed, "hidden") {
		t.Fatalf("config print:\n%s", printed)
	}
	writeConfig(t, printed)
	if code, _, stderr := invoke(t, nil, "config", "check", "--config", "wall.yaml"); code != 2 || !strings.Contains(stderr, "in place of ***") {
		t.Errorf("config check without a password = %d, %s", code, stderr)
	}
}
