package assets

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/robertkrimen/otto/ast"
	"github.com/robertkrimen/otto/parser"
)

// outline is what a script is to somebody who reads it otherwise: its nodes in order, and what names and literals say.
type outline struct{ strings.Builder }

func (o *outline) Enter(n ast.Node) ast.Visitor {
	fmt.Fprintf(o, "%T", n)
	switch n := n.(type) {
	case *ast.Identifier:
		if n != nil { // a function without a name
			o.WriteString(" " + n.Name)
		}
	case *ast.StringLiteral:
		o.WriteString(" " + n.Literal)
	case *ast.NumberLiteral:
		o.WriteString(" " + n.Literal)
	case *ast.RegExpLiteral:
		o.WriteString(" " + n.Literal)
	case *ast.BinaryExpression:
		o.WriteString(" " + n.Operator.String())
	case *ast.UnaryExpression:
		fmt.Fprintf(o, " %s %t", n.Operator, n.Postfix)
	case *ast.AssignExpression:
		o.WriteString(" " + n.Operator.String())
	}
	o.WriteString("\n")
	return o
}

func (o *outline) Exit(ast.Node) { o.WriteString(".\n") }

func outlineOf(t *testing.T, name, src string) string {
	t.Helper()
	program, err := parser.ParseFile(nil, name, src, parser.IgnoreRegExpErrors)
	if err != nil {
		t.Fatal(err)
	}
	var o outline
	ast.Walk(&o, program)
	return o.String()
}

func TestSqueezedScriptsSayTheSame(t *testing.T) {
	names, err := filepath.Glob("*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name == "uPlot.js" {
			continue
		}
		src := string(read(name))
		lean := string(squeeze([]byte(src)))
		if outlineOf(t, name, src) != outlineOf(t, name, lean) {
			t.Errorf("%s says something else when it is squeezed:\n%s", name, lean)
		}
		if len(lean) > len(src)*9/10 {
			t.Errorf("%s: %d bytes of %d", name, len(lean), len(src))
		}
	}
}

func TestSqueeze(t *testing.T) {
	tests := []struct{ src, want string }{
		{"var a = 1; // one\nvar b = a + +a - -a;", "var a=1;var b=a+ +a- -a;"},
		{"a = b\n(c)", "a=b\n(c)"},
		{"f = function () {}\ng = 1 / 2 / 3;", "f=function(){}\ng=1/2/3;"},
		{"x = /[/\"] +\\/ /g.test('//  \\' ');", `x=/[/"] +\/ /g.test('//  \' ');`},
		{"return /a b/; /* x\n */ }", "return/a b/;}"},
		{"if (a) {\n  b();\n}\nelse { c(\"  // \"); }", "if(a){b();}\nelse{c(\"  // \");}"},
		{"a\n  .b()\n  + 1\n  ? 2\n  : 3", "a\n.b()\n+1?2:3"},
		{"return\n1", "return\n1"},
		{"a++\n++b", "a++\n++b"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := string(squeeze([]byte(tt.src))); got != tt.want {
			t.Errorf("squeeze(%q) = %q; want %q", tt.src, got, tt.want)
		}
	}
}
