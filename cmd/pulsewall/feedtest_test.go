package main

import (
	"strings"
	"testing"
)

func TestFeedTest(t *testing.T) {
	writeConfig(t, "feeds:\n  - name: sensors\n    thresholds: [{field: value, crit: -1000}]\n")
	tests := []struct {
		args string
		code int
		want []string
	}{
		{"sensors --size 2", 0, []string{"sensors/-/1/2: page 1 of 6, 2 of 12 records, ", ", ok\n", "\nrack-1-current  rack-1  ", "  state\n", "  crit\n"}},
		{"processes --size 1 --current 2147483647", 0, []string{"page 2147483647 of ", ", 0 of "}},
		{"nothing", 2, []string{`there is no feed "nothing", or it is disabled; there are: host, processes, weather, sensors, stocks`}},
		{"stocks --size 501", 2, []string{"size 501; 1–500 is allowed"}},
		{"stocks --union-id x", 2, []string{`unionId "x"; a 64-bit integer is allowed`}},
	}
	for _, tt := range tests {
		args := append([]string{"--config", "wall.yaml", "feed", "test"}, strings.Fields(tt.args)...)
		code, stdout, stderr := invoke(t, nil, args...)
		for _, want := range tt.want {
			if code != tt.code || !strings.Contains(stdout+stderr, want) {
				t.Errorf("feed test %s = %d, %s%s; want %d and %q", tt.args, code, stdout, stderr, tt.code, want)
			}
		}
	}
}
