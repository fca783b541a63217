package assets_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/robertkrimen/otto/parser"
)

// parse reads a script as ES5 and nothing newer. The parser's own engine knows fewer regular expressions than browsers.
func parse(name string, src []byte) error {
	_, err := parser.ParseFile(nil, name, src, parser.IgnoreRegExpErrors)
	return err
}

func TestScriptIsES5(t *testing.T) {
	names, err := filepath.Glob("*.js")
	if err != nil || len(names) < 2 {
		t.Fatalf("scripts: %v, %v", names, err)
	}
	for _, name := range names {
		if name == "uPlot.js" {
			continue // loaded only where the browser can
		}
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := parse(name, src); err != nil {
			t.Error(err)
		}
		for _, word := range []string{"eval(", "new Function", "innerHTML +=", "document.write", "console."} {
			if strings.Contains(string(src), word) {
				t.Errorf("%s says %q", name, word)
			}
		}
		if lines := strings.Count(string(src), "\n"); lines > 300 {
			t.Errorf("%s has %d lines", name, lines)
		}
	}
}

func TestParserKnowsNothingNewer(t *testing.T) {
	for _, src := range []string{"let a = 1;", "var f = () => 1;", "var s = `x`;", "class A {}", "var { a } = b;", "for (var a of b) {}", "f(...a);"} {
		if parse("newer.js", []byte(src)) == nil {
			t.Errorf("parse(%q) = nil; want an error", src)
		}
	}
}
