package feeds

import (
	"errors"
	"fmt"
	"strings"
)

// What a scanner has gone over.
const (
	sqlText = iota
	sqlSpace
	sqlParam
	sqlEnd // ;
)

// sqlScanner goes over a statement, piece by piece. It knows no more of SQL than what may hide a parameter.
type sqlScanner struct {
	sqlSyntax
	text  string
	pos   int
	depth int // of brackets
}

// next goes over one piece and says what it is.
func (s *sqlScanner) next() (kind int, err error) {
	switch c := s.text[s.pos]; {
	case strings.IndexByte(" \t\r\n\f\v", c) >= 0:
		s.pos++
		return sqlSpace, nil
	case c == '/' && s.at(1) == '*':
		return sqlSpace, s.comment()
	case c == '-' && s.at(1) == '-' && (!s.hash || strings.IndexByte(" \t\r\n\x00", s.at(2)) >= 0), c == '#' && s.hash:
		s.line()
		return sqlSpace, nil
	case c == '\'':
		return sqlText, s.quoted(c, s.backslash)
	case c == '"':
		return sqlText, s.quoted(c, s.backslash)
	case c == '`':
		return sqlText, s.quoted(c, false)
	case c == '[' && s.brackets:
		return sqlText, s.until(1, "]")
	case c == '$' && s.dollar && s.tag() != "":
		return sqlText, s.until(len(s.tag()), s.tag())
	case c == ':':
		return s.colon()
	case c == ';':
		s.pos++
		return sqlEnd, nil
	case c == '?' && s.question:
		return 0, errors.New("a ?; parameters are named, :unionId, :offset and :limit,")
	case nameByte(c):
		return sqlText, s.word()
	case c == '[':
		s.depth++
	case c == ']':
		s.depth--
	}
	s.pos++
	return sqlText, nil
}

// at returns the byte that is so far ahead, 0 past the end.
func (s *sqlScanner) at(ahead int) byte {
	if s.pos+ahead < len(s.text) {
		return s.text[s.pos+ahead]
	}
	return 0
}

// word goes over a name, a number, or a string with a letter before it.
func (s *sqlScanner) word() error {
	from := s.pos
	for nameByte(s.at(0)) || s.at(0) == '$' {
		s.pos++
	}
	if s.escape && s.at(0) == '\'' && strings.EqualFold(s.text[from:s.pos], "e") {
		return s.quoted('\'', true)
	}
	return nil
}

// colon goes over a parameter, a cast, an assignment, or the middle of [1:n].
func (s *sqlScanner) colon() (kind int, err error) {
	if c := s.at(1); c == ':' || c == '=' {
		s.pos += 2
		return sqlText, nil
	}
	end := s.pos + 1
	for end < len(s.text) && nameByte(s.text[end]) {
		end++
	}
	name := s.text[s.pos+1 : end]
	switch {
	case name == sqlUnionID, name == sqlOffset, name == sqlLimit:
		s.pos = end
		return sqlParam, nil
	case name == "", s.depth > 0:
		s.pos++
		return sqlText, nil
	}
	return 0, fmt.Errorf("unknown parameter :%s; :unionId, :offset and :limit are allowed; it is", clip(name, maxName))
}

// quoted goes to the end of a string or a name. A quote that is there twice is no end.
func (s *sqlScanner) quoted(quote byte, backslash bool) error {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '\\' && backslash:
			s.pos++
		case c == quote && s.at(1) == quote:
			s.pos++
		case c == quote:
			s.pos++
			return nil
		}
	}
	return fmt.Errorf("no end of the %c that is", quote)
}

// until goes behind the next such end.
func (s *sqlScanner) until(skip int, end string) error {
	n := strings.Index(s.text[s.pos+skip:], end)
	if n < 0 {
		return fmt.Errorf("no %s after the one that is", end)
	}
	s.pos += skip + n + len(end)
	return nil
}

// line goes to the end of the line.
func (s *sqlScanner) line() {
	n := strings.IndexByte(s.text[s.pos:], '\n')
	if n < 0 {
		n = len(s.text) - s.pos
	}
	s.pos += n
}

func (s *sqlScanner) comment() error {
	depth := 0
	for s.pos < len(s.text) {
		switch {
		case s.at(0) == '/' && s.at(1) == '*' && (depth == 0 || s.nested):
			depth++
			s.pos += 2
		case s.at(0) == '*' && s.at(1) == '/':
			depth--
			s.pos += 2
		default:
			s.pos++
		}
		if depth == 0 {
			return nil
		}
	}
	return errors.New("no end of the comment that is")
}

// tag returns $…$ when a string begins with it here.
func (s *sqlScanner) tag() string {
	for end := s.pos + 1; end < len(s.text); end++ {
		c := s.text[end]
		if c == '$' {
			return s.text[s.pos : end+1]
		}
		if !nameByte(c) || end == s.pos+1 && '0' <= c && c <= '9' {
			return ""
		}
	}
	return ""
}

// nameByte says whether a byte may be part of a name.
func nameByte(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
}
