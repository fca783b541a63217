package views

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestScriptFindsItsWords looks for the keys that the client script asks for.
func TestScriptFindsItsWords(t *testing.T) {
	var words map[string]string
	if err := json.Unmarshal([]byte(dataStrings), &words); err != nil {
		t.Fatal(err)
	}
	parts, err := filepath.Glob("../assets/*.js")
	if err != nil || len(parts) < 2 {
		t.Fatalf("the client script is not beside: %v, %v", parts, err)
	}
	calls, keys := regexp.MustCompile(`\bsay\(([^()]*)`), regexp.MustCompile(`"(\w+)"`)
	for _, path := range parts {
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range calls.FindAllSubmatch(source, -1) {
			for _, key := range keys.FindAllSubmatch(call[1], -1) {
				if words[string(key[1])] == "" {
					t.Errorf("%s says %q, which English does not give the script", filepath.Base(path), key[1])
				}
			}
		}
	}
}

func TestEveryWordIsThere(t *testing.T) {
	var words map[string]string
	if err := json.Unmarshal([]byte(dataStrings), &words); err != nil {
		t.Fatal(err)
	}
	for key, word := range words {
		if word == "" {
			t.Errorf("%s is empty", key)
		}
	}
}
