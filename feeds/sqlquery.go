package feeds

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The parameters that a query may name.
const (
	sqlUnionID = "unionId"
	sqlOffset  = "offset"
	sqlLimit   = "limit"
)

// sqlSyntax is what differs in how databases read a statement.
type sqlSyntax struct {
	backslash bool // \' is no end of a string
	escape    bool // nor is it in E'…'
	nested    bool // comments may hold comments
	dollar    bool // $tag$…$tag$ is a string
	hash      bool // # begins a comment; -- does only before a space
	brackets  bool // [name] is a name; otherwise part of an array: [1:n]
	question  bool // ? is a parameter
}

// sqlQuery is one statement, cut where its parameters are.
type sqlQuery struct {
	written string
	parts   []sqlPart
}

type sqlPart struct {
	text string // as written
	name string // of a parameter; empty: this is for the database
}

// sqlBound is a statement as the database gets it.
type sqlBound struct {
	query  sqlQuery
	text   string
	pieces []string // of text, one a part
	args   []any
}

// parseSQL cuts a statement at :unionId, :offset and :limit, but for those in strings, quoted names and comments.
func parseSQL(written string, syntax sqlSyntax) (sqlQuery, error) {
	q := sqlQuery{written: written}
	s := sqlScanner{sqlSyntax: syntax, text: written}
	from, end, empty := 0, -1, true
	for s.pos < len(s.text) {
		at := s.pos
		kind, err := s.next()
		switch {
		case err != nil:
			return sqlQuery{}, fmt.Errorf("%w at %s", err, q.place(at))
		case kind == sqlSpace:
		case end >= 0 && kind != sqlEnd:
			return sqlQuery{}, fmt.Errorf("a second statement at %s; one is allowed", q.place(at))
		case kind == sqlEnd && end < 0:
			end = at
			q.parts = append(q.parts, sqlPart{text: s.text[from:at]})
		case kind == sqlText:
			empty = false
		case kind == sqlParam:
			empty = false
			q.parts = append(q.parts, sqlPart{text: s.text[from:at]}, sqlPart{text: s.text[at:s.pos], name: s.text[at+1 : s.pos]})
			from = s.pos
		}
	}
	if end < 0 {
		q.parts = append(q.parts, sqlPart{text: s.text[from:]})
	}
	if empty {
		return sqlQuery{}, errors.New("empty; a statement is needed")
	}
	return q, nil
}

// names says whether the statement has a parameter of that name.
func (q sqlQuery) names(name string) bool {
	return slices.ContainsFunc(q.parts, func(p sqlPart) bool { return p.name == name })
}

// bind replaces each parameter by what mark says of it, the n-th of its name's first places, and collects the values.
// Where a database numbers its parameters, a name that is there again has the number that it had.
func (q sqlQuery) bind(values map[string]any, numbered bool, mark func(name string, n int) string) sqlBound {
	b := sqlBound{query: q}
	var seen []string
	for _, p := range q.parts {
		piece := p.text
		if p.name != "" {
			n := slices.Index(seen, p.name)
			if n < 0 || !numbered {
				n = len(seen)
				seen = append(seen, p.name)
				b.args = append(b.args, values[p.name])
			}
			piece = mark(p.name, n+1)
		}
		b.pieces = append(b.pieces, piece)
	}
	b.text = strings.Join(b.pieces, "")
	return b
}

// place says where the n-th character of what the database got was written, counted from 1.
func (b sqlBound) place(n int) string {
	at := 0
	for i, piece := range b.pieces {
		length := utf8.RuneCountInString(piece)
		written := b.query.parts[i].text
		if n <= length {
			if b.query.parts[i].name == "" {
				at += len(string([]rune(piece)[:max(n-1, 0)]))
			}
			break
		}
		n -= length
		at += len(written)
	}
	return b.query.place(at)
}

// place says where a byte is.
func (q sqlQuery) place(at int) string {
	before := q.written[:min(at, len(q.written))]
	line := strings.Count(before, "\n") + 1
	column := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}
