package assets

import "bytes"

// squeeze returns an ES5 script without comments and without the blanks that only people need: a third of its weight. Where a line may
// end a statement without a semicolon, the line stays.
func squeeze(src []byte) []byte {
	s := squeezer{out: make([]byte, 0, len(src))}
	for i := 0; i < len(src); {
		end := s.end(src, i)
		s.take(src[i:end])
		i = end
	}
	return s.out
}

// squeezer is what is left of a script so far.
type squeezer struct {
	out  []byte
	last []byte // token
	gap  byte   // what stood since: nothing (0), blanks or a line
}

// end returns where the token ends that begins at i: blanks, a comment, a literal, a word, or one sign.
func (s *squeezer) end(src []byte, i int) int {
	rest := src[i:]
	switch c := rest[0]; {
	case blank(c):
		return i + span(rest, blank)
	case bytes.HasPrefix(rest, []byte("//")):
		return i + span(rest, func(c byte) bool { return c != '\n' })
	case bytes.HasPrefix(rest, []byte("/*")):
		return i + bytes.Index(rest, []byte("*/")) + len("*/")
	case c == '"' || c == '\'':
		return i + literal(rest, c)
	case c == '/' && s.expects():
		return i + literal(rest, c)
	case wordly(c):
		return i + span(rest, wordly)
	}
	return i + 1
}

// take adds a token, and before it what must stand between it and the last one.
func (s *squeezer) take(token []byte) {
	switch {
	case blank(token[0]):
		if bytes.IndexByte(token, '\n') >= 0 {
			s.gap = '\n'
		} else if s.gap == 0 {
			s.gap = ' '
		}
		return
	case len(token) > 1 && token[0] == '/' && (token[1] == '/' || token[1] == '*'):
		return
	}
	if s.gap != 0 && len(s.last) > 0 && s.apart(s.last[len(s.last)-1], token[0]) {
		s.out = append(s.out, s.gap)
	}
	s.out = append(s.out, token...)
	s.last, s.gap = token, 0
}

// apart says whether the gap between two signs means something: words would become one, or + + an increment, or a statement may end.
func (s *squeezer) apart(before, after byte) bool {
	switch {
	case wordly(before) && wordly(after):
		return true
	case before == after && (before == '+' || before == '-'):
		return true
	case s.gap != '\n':
		return false
	}
	ends := wordly(before) || bytes.IndexByte([]byte(`)]}"'/+-`), before) >= 0
	begins := wordly(after) || bytes.IndexByte([]byte(`([{"'/+-!`), after) >= 0
	return ends && begins
}

// expects says whether a value comes next, so that a slash begins a regular expression.
func (s *squeezer) expects() bool {
	if len(s.last) == 0 || string(s.last) == "return" {
		return true
	}
	return len(s.last) == 1 && bytes.IndexByte([]byte("(,=:[!&|?{};+-*%<>"), s.last[0]) >= 0
}

// literal returns the length of a string, or of a regular expression without its flags, that begins with its end mark.
func literal(src []byte, mark byte) int {
	class := false
	for i := 1; i < len(src); i++ {
		switch c := src[i]; {
		case c == '\\':
			i++
		case mark == '/' && c == '[':
			class = true
		case c == ']':
			class = false
		case c == mark && !class:
			return i + 1
		}
	}
	return len(src)
}

func span(src []byte, is func(byte) bool) int {
	for i, c := range src {
		if !is(c) {
			return i
		}
	}
	return len(src)
}

func blank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func wordly(c byte) bool {
	return c == '_' || c == '$' || c == '.' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
