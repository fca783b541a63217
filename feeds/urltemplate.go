package feeds

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// urlTemplate is a URL with places for the parameters of a query, in its path and its query only.
type urlTemplate struct {
	base   *url.URL // with every place filled in; for its host and user
	prefix string   // scheme and host
	parts  []urlPart
}

// urlPart is text, and the place after it.
type urlPart struct {
	text  string
	place string // name of the parameter; empty: none, at the end
	query bool   // else it is in the path
}

var placeholder = regexp.MustCompile(`\{([^{}]*)\}`)

// parseURLTemplate takes the URL in s with the places that allowed names. The error does not show s.
func parseURLTemplate(s string, allowed ...string) (*urlTemplate, error) {
	fault := func(format string, args ...any) (*urlTemplate, error) {
		return nil, &OptionError{Key: "url", Problem: fmt.Sprintf(format, args...)}
	}
	if s == "" {
		return fault("is missing")
	}
	base, err := url.Parse(placeholder.ReplaceAllString(s, "0"))
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" || base.Opaque != "" {
		return fault("is no absolute URL; allowed: http://host/path or https://host/path")
	}
	scheme, rest, _ := strings.Cut(s, "://")
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	authority, rest := rest[:end], rest[end:]
	if placeholder.MatchString(scheme + authority) {
		return fault("has a place in its host; allowed: in the path and the query")
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	if fragment != "" {
		return fault("has a #, and what stands after it is never sent")
	}
	t := &urlTemplate{base: base, prefix: base.Scheme + "://" + base.Host}
	at := 0
	for _, m := range placeholder.FindAllStringSubmatchIndex(rest, -1) {
		name := rest[m[2]:m[3]]
		if !slices.Contains(allowed, name) {
			return fault("has a place {%s}; allowed: {%s}; a brace itself is written %%7B or %%7D", name, strings.Join(allowed, "}, {"))
		}
		t.parts = append(t.parts, urlPart{text: rest[at:m[0]], place: name, query: strings.Contains(rest[:m[0]], "?")})
		at = m[1]
	}
	t.parts = append(t.parts, urlPart{text: rest[at:]})
	return t, nil
}

// has says whether one of the places is named so.
func (t *urlTemplate) has(names ...string) bool {
	return slices.ContainsFunc(t.parts, func(p urlPart) bool { return slices.Contains(names, p.place) })
}

// fill puts the parameters of q into their places, escaped for them.
func (t *urlTemplate) fill(q Query) (string, error) {
	var b strings.Builder
	b.WriteString(t.prefix)
	for _, p := range t.parts {
		b.WriteString(p.text)
		if p.place == "" {
			continue
		}
		value := parameter(p.place, q)
		if p.query {
			b.WriteString(url.QueryEscape(value))
			continue
		}
		if strings.Trim(value, ".") == "" { // nothing, or a step up
			return "", fmt.Errorf("%s %s cannot stand in the path of the url", p.place, quote(value))
		}
		b.WriteString(url.PathEscape(value))
	}
	return b.String(), nil
}

func parameter(name string, q Query) string {
	switch name {
	case "unionId":
		return q.UnionID
	case "offset":
		return strconv.Itoa(q.Offset)
	case "limit", "size":
		return strconv.Itoa(q.Limit)
	case "current":
		return strconv.Itoa(q.Offset/max(q.Limit, 1) + 1)
	}
	return ""
}
