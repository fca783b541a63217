package views

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestScriptFindsItsWords looks for the keys that the client script asks for.
func TestScriptFindsItsWords(t *testing.T) {
	var common, rooms map[string]string
	if err := errors.Join(json.Unmarshal([]byte(dataStrings), &common), json.Unmarshal([]byte(chatDataStrings), &rooms)); err != nil {
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
		words := common
		if strings.HasPrefix(filepath.Base(path), "chat") {
			words = rooms
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
	if err := json.Unmarshal([]byte(chatDataStrings), &words); err != nil {
		t.Fatal(err)
	}
	for key, word := range words {
		if word == "" {
			t.Errorf("%s is empty", key)
		}
	}
}

// TestAttributesAreRead: what a page says in data- attributes, a script or a style reads.
func TestAttributesAreRead(t *testing.T) {
	var readers strings.Builder
	for _, pattern := range []string{"../assets/*.js", "../assets/*.css"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			readers.Write(b)
		}
	}
	for name, b := range map[string][]byte{
		"overview": render(t, Page(overview())), "states": render(t, Page(allStates())), "chat": render(t, Chat(cannedChat())),
		"judged": render(t, Page(judgedPage())),
	} {
		unread := make(map[string]bool)
		each(parse(t, b), func(n *html.Node) {
			for _, a := range n.Attr {
				short, ok := strings.CutPrefix(a.Key, "data-")
				if ok && !strings.Contains(readers.String(), a.Key) && !strings.Contains(readers.String(), `attribute(section, "`+short+`")`) {
					unread[a.Key] = true
				}
			}
		})
		if len(unread) > 0 {
			t.Errorf("%s: nobody reads %v", name, slices.Sorted(maps.Keys(unread)))
		}
	}
}
