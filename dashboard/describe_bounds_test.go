package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/pulsewall/pulsewall/dashboard"
)

// TestDescribedBounds tries what is just allowed by the schema of each parameter of a query, and what is not: the server agrees.
func TestDescribedBounds(t *testing.T) {
	s := describedWall(t, dashboard.Options{}, make(map[string]bool))
	good := map[string]string{
		"/live": "feed=rows&wait=0", "/live/ws": "feed=rows", "/live/sse": "feed=rows", "/live/poll": "feed=rows&wait=0", "/d/{dashboard}": "", "/chat": "", "/alerts": "",
		"/api/messages": "", "/api/alerts": "", "/api/readings": "feed=mine&unionId=7", "/api/presence": "", "/api/presence/users": "", "/index/hello1": "idList=1",
		"/msg": "", "/message": "", "/sockjs": "", "/sockjs/websocket": "", "/channel": "type=web&channelId=" + channelOne,
	}
	for path, query := range good {
		op := s.d.at(openapi, "paths", path, "get")
		parameters, _ := op.at("parameters").v.([]any)
		for i := range parameters {
			p := op.at("parameters", fmt.Sprint(i))
			if p.at("in").text() != "query" {
				continue
			}
			name := p.at("name").text()
			allowed, refused := tries(t, p.at("schema"))
			if name == "feed" || name == "sub" { // what fits may still be unknown
				allowed = nil
			}
			for _, values := range allowed {
				s.answers(path, query, name, values, true)
			}
			for _, values := range refused {
				s.answers(path, query, name, values, false)
			}
		}
	}
}

// answers asks with other values of a parameter.
func (s *describedSite) answers(path, query, name string, values []string, good bool) {
	s.t.Helper()
	q, err := url.ParseQuery(query)
	if err != nil {
		s.t.Fatal(err)
	}
	if name == "sub" && path == "/api/readings" {
		q.Del("feed")
	}
	q[name] = values
	c := call{0, "GET " + strings.Replace(path, "{dashboard}", "main", 1) + "?" + q.Encode(), "", nil}
	if path == "/live/ws" || s.d.at(openapi, "paths", path, "get", "tags", "0").text() == "older" && path != "/index/hello1" {
		c.header = handshake
	}
	res, body := s.ask(c)
	what := fmt.Sprintf("GET %s with %s %.80q", path, name, values)
	if good && res.StatusCode >= 400 {
		s.t.Errorf("%s: %d %s; its description allows it", what, res.StatusCode, body)
	} else if !good && res.StatusCode != http.StatusBadRequest {
		s.t.Errorf("%s: %d; its description does not allow it", what, res.StatusCode)
	}
}

// tries are values at both sides of what a schema allows.
func tries(t *testing.T, schema node) (allowed, refused [][]string) {
	t.Helper()
	one := func(text string) []string { return []string{text} }
	number := func(key string) (n json.Number, ok bool) { n, ok = schema.at(key).v.(json.Number); return n, ok }
	many := func(n int, of string) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprint(of, i))
		}
		return list
	}
	if n, ok := number("minimum"); ok {
		low, _ := n.Int64()
		allowed, refused = append(allowed, one(fmt.Sprint(low))), append(refused, one(fmt.Sprint(low-1)), one("x"))
	}
	if n, ok := number("maximum"); ok {
		high, _ := n.Int64()
		allowed, refused = append(allowed, one(fmt.Sprint(high))), append(refused, one(fmt.Sprint(high+1)))
	}
	if n, ok := number("maxLength"); ok {
		most, _ := n.Int64()
		allowed, refused = append(allowed, one(strings.Repeat("ä", int(most)))), append(refused, one(strings.Repeat("ä", int(most)+1)))
	}
	options, _ := schema.at("enum").v.([]any)
	for i, option := range options {
		allowed = append(allowed, one(option.(string)))
		if i == 0 {
			refused = append(refused, one("none of them"))
		}
	}
	switch pattern := schema.at("pattern").text(); {
	case schema.at("type").text() == "array":
		_, refused = tries(t, schema.at("items"))
		if n, ok := number("maxItems"); ok && strings.HasPrefix(schema.at("items", "pattern").text(), "^[A-Za-z0-9._-]{1,64}$") {
			most, _ := n.Int64()
			allowed, refused = append(allowed, many(int(most), "n")), append(refused, many(int(most)+1, "n"))
		}
	case strings.HasSuffix(pattern, "{1,64}$"):
		allowed, refused = append(allowed, one(strings.Repeat("x", 64))), append(refused, one(strings.Repeat("x", 65)), one("a b"))
	case pattern != "":
		refused = append(refused, one("no/such thing"))
	}
	for _, values := range allowed { // the schema says so too
		for _, v := range values {
			text, _ := json.Marshal(v)
			if kind := schema.at("type").text(); kind == "integer" || kind == "number" {
				text = []byte(v)
			} else if kind == "array" {
				continue
			}
			if err := schema.fits(t, string(text)); err != nil {
				t.Errorf("%q does not fit: %v", v, err)
			}
		}
	}
	return allowed, refused
}
