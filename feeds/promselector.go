package feeds

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/common/model"
)

// promSelector says which series to take: a name, and matchers of labels. A nil one takes all.
type promSelector struct {
	name     string // empty: any
	matchers []promMatcher
}

type promMatcher struct {
	label string
	op    string // = != =~ !~
	value string
	regex *regexp.Regexp // of =~ and !~ without a place
}

// selectorHead and selectorMatcher read the parts of name{label="value",…}.
var (
	selectorHead    = regexp.MustCompile(`^\s*([a-zA-Z_:][a-zA-Z0-9_:]*)?\s*`)
	selectorMatcher = regexp.MustCompile(`^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')\s*(,|\})`)
)

// parsePromSelector reads name{label="value",…}; the empty text gives nil.
func parsePromSelector(s string) (*promSelector, error) {
	if strings.TrimSpace(s) == "" {
		return nil, nil
	}
	wrong := func(at string) (*promSelector, error) {
		return nil, fmt.Errorf(`%s is no selector at %s; allowed: name{label="value",other=~"a|b"} with =, !=, =~ and !~`, quote(s), quote(at))
	}
	if !utf8.ValidString(s) {
		return wrong(s)
	}
	head := selectorHead.FindStringSubmatch(s)
	p, rest := &promSelector{name: head[1]}, s[len(head[0]):]
	if rest == "" {
		return p, nil
	}
	if rest[0] != '{' {
		return wrong(rest)
	}
	rest = rest[1:]
	for strings.TrimSpace(rest) != "}" {
		m := selectorMatcher.FindStringSubmatch(rest)
		if m == nil {
			return wrong(rest)
		}
		matcher, err := newPromMatcher(m[1], m[2], m[3])
		if err != nil {
			return nil, err
		}
		p.matchers = append(p.matchers, matcher)
		rest = rest[len(m[0]):]
		if m[4] == "}" {
			if strings.TrimSpace(rest) != "" {
				return wrong(rest)
			}
			return p, nil
		}
	}
	return p, nil
}

func newPromMatcher(label, op, quoted string) (promMatcher, error) {
	value := strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\'`, `'`, `\n`, "\n").Replace(quoted[1 : len(quoted)-1])
	m := promMatcher{label: label, op: op, value: value}
	if op == "=" || op == "!=" {
		return m, nil
	}
	if strings.Contains(value, unionIDPlace) {
		return m, fmt.Errorf("%s %s %s: {unionId} is for = and !=", label, op, quoted)
	}
	var err error
	if m.regex, err = regexp.Compile("^(?s:" + value + ")$"); err != nil {
		return m, fmt.Errorf("%s %s %s: %w", label, op, quoted, err)
	}
	return m, nil
}

func (p *promSelector) perUser() bool {
	if p == nil {
		return false
	}
	for _, m := range p.matchers {
		if strings.Contains(m.value, unionIDPlace) {
			return true
		}
	}
	return false
}

// takes says whether a series of these labels is one of those for the user. A label that is not there is empty.
func (p *promSelector) takes(labels model.Metric, unionID string) bool {
	if p == nil {
		return true
	}
	if p.name != "" && p.name != string(labels[model.MetricNameLabel]) {
		return false
	}
	for _, m := range p.matchers {
		has := string(labels[model.LabelName(m.label)])
		equal := false
		if m.regex != nil {
			equal = m.regex.MatchString(has)
		} else {
			equal = has == strings.ReplaceAll(m.value, unionIDPlace, unionID)
		}
		if equal != (m.op == "=" || m.op == "=~") {
			return false
		}
	}
	return true
}
