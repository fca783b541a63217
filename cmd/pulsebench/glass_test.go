//go:build unix

package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestGlass watches one page in a real browser for some readings: where a busy machine shows only every second one, there are still two in turn.
func TestGlass(t *testing.T) {
	t.Parallel()
	var out, progress bytes.Buffer
	code := run(t.Context(), []string{"glass", "--interval=1s", "--readings=8", "--pages=stocks"}, &out, &progress)
	if code != 0 {
		t.Fatalf("run = %d\n%s", code, progress.String())
	}
	t.Logf("\n%s", out.String())
	if !strings.Contains(out.String(), "| stocks | ") {
		t.Errorf("the table has no row of the page:\n%s", out.String())
	}
}
