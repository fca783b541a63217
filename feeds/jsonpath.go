package feeds

import (
	"fmt"
	"strconv"
	"strings"
)

// maxSteps bounds a jsonPath.
const maxSteps = 16

// jsonPath leads from a JSON value to one inside it: a part of RFC 9535 with names, positions, and [*] as its last step.
type jsonPath []jsonStep

type jsonStep struct {
	name  string
	index int  // of an element, where name does not count
	list  bool // index counts
	all   bool // every element or member
}

// parseJSONPath reads data.items, $.data.items, items[0].rows, $['a name'].rows or data[*]. The empty path and $ stand
// for the value itself.
func parseJSONPath(s string) (jsonPath, error) {
	rest := strings.TrimPrefix(s, "$")
	if rest == s && rest != "" && rest[0] != '[' && rest[0] != '.' {
		rest = "." + rest
	}
	var path jsonPath
	for rest != "" {
		step, after, ok := cutStep(rest)
		switch {
		case !ok:
			return nil, fmt.Errorf("%s is no path at %s; allowed: names with dots, [0], ['a name'], and [*] at the end", quote(s), quote(rest))
		case step.all && after != "":
			return nil, fmt.Errorf("%s has [*] before its end", quote(s))
		case len(path) == maxSteps:
			return nil, fmt.Errorf("%s has more than %d steps", quote(s), maxSteps)
		}
		path, rest = append(path, step), after
	}
	return path, nil
}

// cutStep takes the first step off s, which is not empty.
func cutStep(s string) (step jsonStep, after string, ok bool) {
	if s[0] == '.' {
		end := strings.IndexAny(s[1:], ".[")
		if end < 0 {
			end = len(s) - 1
		}
		step.name, after = s[1:1+end], s[1+end:]
		if step.all = step.name == "*"; step.all {
			step.name = ""
			return step, after, true
		}
		return step, after, step.name != "" && !strings.ContainsAny(step.name, `]'"*?@$, `)
	}
	if s[0] != '[' || len(s) < 3 {
		return step, "", false
	}
	if q := s[1]; q == '\'' || q == '"' {
		name, after, found := strings.Cut(s[2:], string(q)+"]")
		return jsonStep{name: name}, after, found && !strings.ContainsAny(name, `\`)
	}
	inside, after, found := strings.Cut(s[1:], "]")
	if inside == "*" {
		return jsonStep{all: true}, after, found
	}
	n, err := strconv.ParseUint(inside, 10, 31)
	return jsonStep{index: int(n), list: true}, after, found && err == nil
}

// String is the path as its errors show it.
func (p jsonPath) String() string {
	var b strings.Builder
	b.WriteByte('$')
	for _, s := range p {
		switch {
		case s.all:
			b.WriteString("[*]")
		case s.list:
			fmt.Fprintf(&b, "[%d]", s.index)
		case strings.ContainsAny(s.name, `.[ `):
			fmt.Fprintf(&b, "['%s']", s.name)
		default:
			b.WriteString("." + s.name)
		}
	}
	return b.String()
}

// way is what is left of a path, at one place in a value.
type way struct {
	left jsonPath
	on   bool // the path leads through here
}

// next is the way at the member or element that step leads to.
func (w way) next(step jsonStep) way {
	if !w.on || len(w.left) == 0 || w.left[0] != step {
		return way{}
	}
	return way{left: w.left[1:], on: true}
}

// covers says whether other leads to what p leads to, or into it.
func (p jsonPath) covers(other jsonPath) bool {
	if n := len(p); n > 0 && p[n-1].all {
		p = p[:n-1]
	}
	if len(other) < len(p) {
		return false
	}
	for i, s := range p {
		if other[i] != s {
			return false
		}
	}
	return true
}
