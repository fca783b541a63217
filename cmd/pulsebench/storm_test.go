//go:build unix

package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestStorm has a few clients come back from all that can happen to them.
func TestStorm(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	code := run(t.Context(), []string{"storm", "--clients=50", "--interval=1s"}, &out, &progress)
	if code != 0 {
		t.Fatalf("run = %d\n%s", code, progress.String())
	}
	t.Logf("\n%s", out.String())
	for _, want := range []string{"| 50 clients, interval 1s |", "| all come for the first time |", "| all sockets are reset |", "told to stop, and started again |", "killed, and started again |"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table has no %q:\n%s", want, out.String())
		}
	}
}
