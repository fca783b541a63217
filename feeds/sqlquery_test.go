package feeds

import (
	"strings"
	"testing"
)

// TestParseSQL has parameters found where a database would take them for some, and nowhere else.
func TestParseSQL(t *testing.T) {
	engines := sqlEngines()
	for _, tt := range []struct{ scheme, in, want string }{
		{"postgres", "SELECT :unionId", "SELECT $1::bigint"},
		{"postgres", "a=:unionId OR b=:unionId LIMIT :limit OFFSET :offset", "a=$1::bigint OR b=$1::bigint LIMIT $2::bigint OFFSET $3::bigint"},
		{"postgres", "SELECT ':unionId', 'it''s :limit', \":offset\"", "SELECT ':unionId', 'it''s :limit', \":offset\""},
		{"postgres", `SELECT 'c:\', :limit`, `SELECT 'c:\', $1::bigint`},
		{"postgres", `SELECT e'\':limit', E'it''s \' :limit', :limit`, `SELECT e'\':limit', E'it''s \' :limit', $1::bigint`},
		{"postgres", `SELECT like'\', :limit`, `SELECT like'\', $1::bigint`},
		{"postgres", "SELECT now()::text, :unionId::text", "SELECT now()::text, $1::bigint::text"},
		{"postgres", "SELECT 1 -- :limit\n, :limit /* :limit /* :x */ :y */", "SELECT 1 -- :limit\n, $1::bigint /* :limit /* :x */ :y */"},
		{"postgres", "SELECT $$ :limit $$, $a$ :x $$ $a$, a$1$:limit", "SELECT $$ :limit $$, $a$ :x $$ $a$, a$1$$1::bigint"},
		{"postgres", "SELECT a[1:n], b[:n], a[:limit], '{}'::jsonb ? 'k'", "SELECT a[1:n], b[:n], a[$1::bigint], '{}'::jsonb ? 'k'"},
		{"postgres", "SELECT 1 ; -- done\n ;", "SELECT 1 "},
		{"mysql", `SELECT 'it\'s :limit', "\":limit", :limit # :x`, `SELECT 'it\'s :limit', "\":limit", ? # :x`},
		{"mysql", "SELECT `:limit`, @a := 1, 2--:limit\n-- :x", "SELECT `:limit`, @a := 1, 2--?\n-- :x"},
		{"mysql", "SELECT /* /* :limit */ :limit", "SELECT /* /* :limit */ ?"},
		{"mysql", "a=:unionId OR b=:unionId", "a=? OR b=?"},
		{"sqlite", "SELECT [:limit], `:limit`, '\\', :limit", "SELECT [:limit], `:limit`, '\\', ?"},
		{"sqlite", "SELECT 'ü', \"ö\", ä.:limit", "SELECT 'ü', \"ö\", ä.?"},
	} {
		e := engines[tt.scheme]
		q, err := parseSQL(tt.in, e.syntax)
		if got := e.bind(q, nil, unionIDInteger).text; got != tt.want || err != nil {
			t.Errorf("%s: %s\ngives %s, %v\nwant  %s", tt.scheme, tt.in, got, err, tt.want)
		}
	}
	for _, tt := range []struct{ scheme, in, want string }{
		{"postgres", "SELECT 1;\nDELETE FROM t", "a second statement at line 2, column 1; one is allowed"},
		{"postgres", "SELECT\n  :unionID", "unknown parameter :unionID; :unionId, :offset and :limit are allowed; it is at line 2, column 3"},
		{"postgres", "SELECT 'a", "no end of the ' that is at line 1, column 8"},
		{"postgres", "SELECT /* /* */", "no end of the comment that is at line 1, column 8"},
		{"postgres", "SELECT $a$ $$", "no $a$ after the one that is at line 1, column 8"},
		{"mysql", "SELECT ?", "a ?; parameters are named, :unionId, :offset and :limit, at line 1, column 8"},
		{"sqlite", "SELECT [a", "no ] after the one that is at line 1, column 8"},
		{"sqlite", " -- nothing", "empty; a statement is needed"},
		{"sqlite", " ; ", "empty; a statement is needed"},
	} {
		_, err := parseSQL(tt.in, engines[tt.scheme].syntax)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %s\ngives %v\nwant  %s", tt.scheme, tt.in, err, tt.want)
		}
	}
}

// TestSQLPlace has characters of what a database got found in what was written.
func TestSQLPlace(t *testing.T) {
	e := sqlPostgres()
	q, err := parseSQL("SELECT ü,\n :limit, nosuch", e.syntax)
	if err != nil {
		t.Fatal(err)
	}
	b := e.bind(q, nil, unionIDInteger)
	for of, want := range map[string]string{"SELECT": "line 1, column 1", "ü": "line 1, column 8", "$1": "line 2, column 2", "bigint": "line 2, column 2", "nosuch": "line 2, column 10"} {
		at := len([]rune(b.text[:strings.Index(b.text, of)])) + 1
		if got := b.place(at); got != want {
			t.Errorf("%s is at %s; want %s", of, got, want)
		}
	}
}

func FuzzParseSQL(f *testing.F) {
	for _, seed := range []string{"SELECT :limit", "e'\\'' $a$ $a$ [1:n] /* */ -- \n # ` \" ?;", ":unionId::text;", "/*/**/", "$", "'", "--", "\xff:"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		for scheme, e := range sqlEngines() {
			q, err := parseSQL(in, e.syntax)
			if err != nil {
				continue
			}
			var all strings.Builder
			for _, p := range q.parts {
				if p.name != "" && p.text != ":"+p.name {
					t.Errorf("%s: part %q is parameter %q", scheme, p.text, p.name)
				}
				all.WriteString(p.text)
			}
			if rest, ok := strings.CutPrefix(in, all.String()); !ok || rest != "" && rest[0] != ';' {
				t.Errorf("%s: the parts of %q are %q", scheme, in, all.String())
			}
			b := e.bind(q, nil, unionIDText)
			_ = b.place(len(b.text))
		}
	})
}
