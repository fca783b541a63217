package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamplesAreRight checks every file that the documentation offers, each variable that it names set.
func TestExamplesAreRight(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("..", "..", "docs", "examples", "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("examples: %d, %v; want some", len(paths), err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var env []string
		for _, name := range reference.FindAllString(string(text), -1) {
			env = append(env, strings.Trim(name, "${}")+"=YS12YWx1ZS1vZi0yNy1ieXRlcy1mb3ItYWxs") // long enough, and base64, for whoever asks for that
		}
		code, stdout, stderr := invoke(t, env, "config", "check", "--config", path)
		if code != 0 || !strings.Contains(stdout, ": ok, ") {
			t.Errorf("config check of %s = %d, %s%s", path, code, stdout, stderr)
		}
	}
}
