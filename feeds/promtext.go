package feeds

import (
	"errors"
	"regexp"
	"strings"
)

// unionIDPlace is where a text has the unionId.
const unionIDPlace = "{unionId}"

// promText is PromQL with places for the unionId inside its quoted texts.
type promText struct{ parts []promPart }

// promPart is text, and the place after it.
type promPart struct {
	text  string
	place bool
	quote byte // ' or "
	regex bool // the quoted text is a regular expression
}

// parsePromText finds the places for the unionId in a query. Anywhere but inside ' or " one is an error.
func parsePromText(s string) (*promText, error) {
	t := &promText{}
	var (
		in      byte // the quote that is open, or #
		regex   bool
		started int
	)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case strings.HasPrefix(s[i:], unionIDPlace):
			if in != '\'' && in != '"' {
				return nil, errors.New(`has {unionId} outside a text in quotes; allowed: inside one, such as user="{unionId}"`)
			}
			t.parts = append(t.parts, promPart{text: s[started:i], place: true, quote: in, regex: regex})
			i += len(unionIDPlace) - 1
			started = i + 1
		case in == '#':
			if c == '\n' {
				in = 0
			}
		case in != 0:
			if c == '\\' && in != '`' {
				i++
			} else if c == in {
				in = 0
			}
		case c == '\'' || c == '"' || c == '`' || c == '#':
			in = c
			before := strings.TrimSpace(s[:i])
			regex = strings.HasSuffix(before, "=~") || strings.HasSuffix(before, "!~")
		}
	}
	if in != 0 && in != '#' {
		return nil, errors.New("has a text in quotes without an end")
	}
	t.parts = append(t.parts, promPart{text: s[started:]})
	return t, nil
}

func (t *promText) perUser() bool { return len(t.parts) > 1 }

// fill puts the unionId into its places, as text that means itself and nothing else.
func (t *promText) fill(unionID string) string {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		if !p.place {
			continue
		}
		value := strings.ToValidUTF8(unionID, "\uFFFD")
		if p.regex {
			value = regexp.QuoteMeta(value)
		}
		b.WriteString(strings.NewReplacer(`\`, `\\`, "\n", `\n`, string(p.quote), `\`+string(p.quote)).Replace(value))
	}
	return b.String()
}
