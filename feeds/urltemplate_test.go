package feeds

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

// hostileIDs are what somebody might want a unionId to do. Only integers get as far as a source; it must not depend on that.
var hostileIDs = []string{
	"7", "-9223372036854775808", "../admin", "7/../8", "7?admin=1", "7&admin=1", "7#", "%2e%2e%2f", "7;x=1", "7 OR 1=1", "ä/ö",
	"a\r\nX-Evil: 1", `7"} or up{a="`, `\`, `"`, "'", "@evil.example", "//evil.example", ".*|.+", "{limit}", "\x00", "+", "a.b",
}

func TestURLTemplateInjection(t *testing.T) {
	template, err := parseURLTemplate("http://api.example:81/users/{unionId}/rows?u={unionId}&o={offset}&n={limit}&p={current}&s={size}",
		"unionId", "offset", "limit", "current", "size")
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range hostileIDs {
		s, err := template.fill(Query{UnionID: id, Offset: 40, Limit: 20})
		if err != nil {
			t.Errorf("fill(%q): %v", id, err)
			continue
		}
		u, err := url.Parse(s)
		if err != nil {
			t.Errorf("fill(%q) = %q: %v", id, s, err)
			continue
		}
		want := url.Values{"u": {id}, "o": {"40"}, "n": {"20"}, "p": {"3"}, "s": {"20"}}
		if u.Host != "api.example:81" || u.Path != "/users/"+id+"/rows" || u.Fragment != "" || strings.Count(u.EscapedPath(), "/") != 3 ||
			u.Query().Encode() != want.Encode() {
			t.Errorf("fill(%q) = %q; want it in one segment and one value", id, s)
		}
	}
	for _, id := range []string{"", ".", ".."} {
		if s, err := template.fill(Query{UnionID: id}); err == nil {
			t.Errorf("fill(%q) = %q; want an error", id, s)
		}
	}
}

func TestParseURLTemplate(t *testing.T) {
	tests := []struct{ in, problem string }{
		{in: "http://h/{unionId}?n={limit}"},
		{in: "https://user:pw@h:8443/a%7Bb?q=%7D"},
		{in: "", problem: "is missing"},
		{in: "ftp://h/", problem: "no absolute URL"},
		{in: "/path", problem: "no absolute URL"},
		{in: "http:opaque", problem: "no absolute URL"},
		{in: "http://{unionId}/", problem: "place in its host"},
		{in: "http://{unionId}@h/", problem: "place in its host"},
		{in: "http://h:{limit}/", problem: "place in its host"},
		{in: "{unionId}://h/", problem: "no absolute URL"},
		{in: "http://h{unionId}?x", problem: "place in its host"},
		{in: "http://h/{nosuch}", problem: "{nosuch}; allowed: {unionId}, {limit}; a brace"},
		{in: "http://h/#{unionId}", problem: "never sent"},
		{in: "http://h/\x7f", problem: "no absolute URL"},
	}
	for _, tt := range tests {
		_, err := parseURLTemplate(tt.in, "unionId", "limit")
		var option *OptionError
		switch {
		case tt.problem == "" && err != nil:
			t.Errorf("parseURLTemplate(%q) = %v; want nil", tt.in, err)
		case tt.problem != "" && (!errors.As(err, &option) || option.Key != "url" || !strings.Contains(option.Problem, tt.problem)):
			t.Errorf("parseURLTemplate(%q) = %v; want an OptionError with %q", tt.in, err, tt.problem)
		}
	}
}

func FuzzURLTemplate(f *testing.F) {
	template, err := parseURLTemplate("http://h/a/{unionId}/b?c={unionId}", "unionId")
	if err != nil {
		f.Fatal(err)
	}
	for _, id := range hostileIDs {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		s, err := template.fill(Query{UnionID: id})
		if err != nil {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Host != "h" || u.Path != "/a/"+id+"/b" || strings.Count(u.EscapedPath(), "/") != 3 || u.Query().Get("c") != id {
			t.Errorf("fill(%q) = %q, %v; want it in one segment and one value", id, s, err)
		}
	})
}
