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
		{[]string{"PULSEWALL_NODE_SECRET=" + secret}, "(a secret)", 0},
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
