package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// call is one request and the status that it is answered with.
type call struct {
	status int
	line   string // "GET /api/feeds"
	body   string // of a POST; JSON where it begins with { or [, else a form
	header []string
}

// describedSite is a wall and its own description, and what was seen of it.
type describedSite struct {
	*wall
	d    *described
	seen map[string]bool // "GET /api/feeds 200", and "GET /api/feeds?room" for parameters of calls that went well
}

// pattern of the addresses of a described path.
func patternOf(path string) *regexp.Regexp {
	return regexp.MustCompile("^" + regexp.MustCompile(`\\\{[^}]*\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "[^/]+") + "$")
}

// operation finds what is described for a request: the path without variables first.
func (s *describedSite) operation(method, address string) node {
	s.t.Helper()
	paths := s.d.at(openapi, "paths")
	address, _, _ = strings.Cut(address, "?")
	if _, ok := paths.v.(map[string]any)[address]; ok {
		return paths.at(address, strings.ToLower(method))
	}
	for _, path := range paths.keys() {
		if patternOf(path).MatchString(address) {
			return paths.at(path, strings.ToLower(method))
		}
	}
	s.t.Fatalf("%s %s: not described", method, address)
	return node{}
}

// ask makes a call and returns its answer. Of one that goes on it reads what comes first.
func (s *describedSite) ask(c call) (*http.Response, string) {
	s.t.Helper()
	method, address, _ := strings.Cut(c.line, " ")
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, s.URL+address, strings.NewReader(c.body))
	if err != nil {
		s.t.Fatal(err)
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if strings.HasPrefix(c.body, "{") {
		r.Header.Set("Content-Type", "application/json")
	} else if strings.HasPrefix(c.body, "[") {
		r.Header.Set("Content-Type", "text/plain")
	}
	for _, line := range c.header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	res, err := s.Client().Transport.RoundTrip(r)
	if err != nil {
		s.t.Fatalf("%s: %v", c.line, err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode == http.StatusSwitchingProtocols {
		return res, ""
	}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") || strings.Contains(address, "/xhr_streaming") && res.StatusCode == 200 {
		first := make([]byte, 4096)
		n, _ := res.Body.Read(first)
		return res, string(first[:n])
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatalf("%s: %v", c.line, err)
	}
	return res, string(b)
}

// check makes a call and holds the answer against the description.
func (s *describedSite) check(c call) {
	s.t.Helper()
	method, address, _ := strings.Cut(c.line, " ")
	res, body := s.ask(c)
	op := s.operation(method, address)
	what := fmt.Sprintf("%s %.60q: %d", c.line, c.body, res.StatusCode)
	if res.StatusCode != c.status {
		s.t.Errorf("%s; want %d; %.200s", what, c.status, body)
	}
	answer := op.at("responses", strconv.Itoa(res.StatusCode))
	if answer.v == nil {
		s.t.Errorf("%s is not described", what)
		return
	}
	s.note(op, res.StatusCode, c)
	s.checkHeaders(what, answer, res.Header)
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	media := answer.at("content").at(kind)
	switch {
	case method == http.MethodHead || answer.at("content").v == nil:
		if body != "" {
			s.t.Errorf("%s: %d bytes of body; want none", what, len(body))
		}
	case media.v == nil:
		s.t.Errorf("%s: %q is not described", what, kind)
	default:
		if !strings.HasSuffix(kind, "json") {
			b, _ := json.Marshal(body)
			body = string(b)
		}
		if err := media.at("schema").fits(s.t, body); err != nil {
			s.t.Errorf("%s: %v\n%.500s", what, err, body)
		}
	}
	if strings.HasPrefix(c.body, "{") && (res.StatusCode < 300 || res.StatusCode == http.StatusBadRequest) {
		err := op.at("requestBody", "content").at("application/json").at("schema").fits(s.t, c.body)
		if (err == nil) != (res.StatusCode < 300) {
			s.t.Errorf("%s: by its description, the body is wrong: %v", what, err)
		}
	}
}

// note keeps that a status was seen and, of calls that went well, which parameters they had.
func (s *describedSite) note(op node, status int, c call) {
	name := nameOf(op)
	s.seen[fmt.Sprint(name, " ", status)] = true
	if status >= 300 {
		return
	}
	_, query, _ := strings.Cut(c.line, "?")
	for pair := range strings.SplitSeq(query, "&") {
		key, _, _ := strings.Cut(pair, "=")
		s.seen[name+"?"+key] = true
	}
	for _, line := range c.header {
		key, _, _ := strings.Cut(line, ": ")
		s.seen[name+"?"+key] = true
	}
}

// nameOf an operation: "GET /api/feeds".
func nameOf(op node) string { return strings.ToUpper(op.path[2]) + " " + op.path[1] }

func (s *describedSite) checkHeaders(what string, answer node, header http.Header) {
	s.t.Helper()
	for _, name := range answer.at("headers").keys() {
		h := answer.at("headers", name)
		got := header.Get(name)
		if got == "" {
			if h.at("required").v == true {
				s.t.Errorf("%s: no %s", what, name)
			}
			continue
		}
		text, _ := json.Marshal(got)
		if h.at("schema", "type").text() == "integer" {
			text = []byte(got)
		}
		if err := h.at("schema").fits(s.t, string(text)); err != nil {
			s.t.Errorf("%s: %s %q: %v", what, name, got, err)
		}
	}
}
