package feeds

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pulsewall/pulsewall/feeds/servers"
)

// TestSQLOptions wants each wrong option to be refused by its name, before anything is connected to.
func TestSQLOptions(t *testing.T) {
	const here = "postgres://u:open-sesame@127.0.0.1:1/d"
	for _, tt := range []struct {
		o         SQLOptions
		key, want string
	}{
		{SQLOptions{}, "url", "scheme"},
		{SQLOptions{URL: "postgres://u:open-sesame%@h/d"}, "url", "no URL"},
		{SQLOptions{URL: "oracle://u:open-sesame@h/d"}, "url", "postgres, mysql and sqlite"},
		{SQLOptions{URL: "postgres://u:open-sesame@h:port/d"}, "url", "no URL"},
		{SQLOptions{URL: "postgres://u:open-sesame@h/d?sslmode=perhaps"}, "url", "sslmode"},
		{SQLOptions{URL: "mysql:///d"}, "url", "no host"},
		{SQLOptions{URL: "mysql://u:open-sesame@h/d?tls=nosuch"}, "url", "nosuch"},
		{SQLOptions{URL: "sqlite:"}, "url", "no file"},
		{SQLOptions{URL: "sqlite:a.db?mode=rwc"}, "url", "a file alone"},
		{SQLOptions{URL: here}, "query", "empty"},
		{SQLOptions{URL: here, Query: "SELECT :nosuch"}, "query", "unknown parameter"},
		{SQLOptions{URL: here, Query: "SELECT 1; SELECT 2"}, "query", "second statement"},
		{SQLOptions{URL: here, Query: "SELECT 1 LIMIT :limit", Count: "SELECT 1"}, "query", "only one of"},
		{SQLOptions{URL: here, Query: "SELECT 1 OFFSET :offset"}, "query", "only one of"},
		{SQLOptions{URL: here, Query: "SELECT 1 LIMIT :limit OFFSET :offset"}, "count", "needed"},
		{SQLOptions{URL: here, Query: "SELECT 1 LIMIT :limit OFFSET :offset", Count: "SELECT 1", Window: "n"}, "window", "there is a count"},
		{SQLOptions{URL: here, Query: "SELECT 1 LIMIT :limit OFFSET :offset", Count: "SELECT :limit"}, "count", "count all"},
		{SQLOptions{URL: here, Query: "SELECT 1 LIMIT :limit OFFSET :offset", Count: "SELECT '"}, "count", "no end"},
		{SQLOptions{URL: here, Query: "SELECT 1", Count: "SELECT 1"}, "count", "leave it out"},
		{SQLOptions{URL: here, Query: "SELECT 1", Window: "n"}, "window", "leave it out"},
		{SQLOptions{URL: here, Query: "SELECT 1", MaxRows: -1}, "maxRows", "1–1000000"},
		{SQLOptions{URL: here, Query: "SELECT 1", MaxBytes: 1 << 40}, "maxBytes", "is allowed"},
		{SQLOptions{URL: here, Query: "SELECT 1", MaxConnections: 101}, "maxConnections", "1–100"},
		{SQLOptions{URL: here, Query: "SELECT 1", Timeout: -1}, "timeout", "1ms to 1h"},
		{SQLOptions{URL: here, Query: "SELECT 1", UnionIDType: "uuid"}, "unionIdType", "integer and text"},
		{SQLOptions{URL: "sqlite:a.db", Query: "SELECT 1", Listen: "news"}, "listen", "only PostgreSQL"},
		{SQLOptions{URL: here, Query: "SELECT 1", Listen: strings.Repeat("x", 64)}, "listen", "takes 63"},
	} {
		s, err := NewSQL(tt.o)
		var wrong *OptionError
		if s != nil || !errors.As(err, &wrong) || wrong.Key != tt.key || !strings.Contains(wrong.Problem, tt.want) || strings.Contains(err.Error(), "open-sesame") {
			t.Errorf("NewSQL(%+v) = %v, %v; want an error of %s with %q and no password", tt.o, s, err, tt.key, tt.want)
		}
	}
}

// TestSQLPages has pages of two users cut by each database, with the total by a count and by a window.
func TestSQLPages(t *testing.T) {
	for _, kind := range sqlKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.people()
			const where = "FROM people WHERE owner = :unionId"
			const pages = where + " ORDER BY id LIMIT :limit OFFSET :offset"
			for by, s := range map[string]*SQL{
				"count":  d.source(SQLOptions{Query: "SELECT id, name " + pages, Count: "SELECT count(*) " + where}),
				"window": d.source(SQLOptions{Query: "SELECT id, name, count(*) OVER () AS total " + pages, Window: "total"}),
				"text":   d.source(SQLOptions{Query: strings.Replace("SELECT id, name "+pages, "owner", "CAST(owner AS CHAR(9))", 1), Count: "SELECT count(*) " + where, UnionIDType: "text"}),
			} {
				if by == "text" && kind == "postgres" {
					s = d.source(SQLOptions{Query: "SELECT id, name FROM people WHERE owner::text = :unionId ORDER BY id LIMIT :limit OFFSET :offset",
						Count: "SELECT count(*) FROM people WHERE owner::text = :unionId", UnionIDType: "text"})
				}
				if desc := s.Describe(); desc.Whole || !desc.PerUser {
					t.Errorf("%s: Describe = %+v; want one per user that is not Whole", by, desc)
				}
				for _, tt := range []struct {
					user                        string
					offset, limit, first, n, of int
				}{
					{"7", 0, 10, 0, 10, 100},
					{"7", 20, 10, 20, 10, 100},
					{"7", 95, 10, 95, 5, 100},
					{"7", 200, 10, 0, 0, 100},
					{"7", 1<<53 - 10, 500, 0, 0, 100},
					{"8", 0, 10, 100, 10, 30},
					{"9", 0, 10, 0, 0, 0},
					{"9", 10, 10, 0, 0, 0},
					{"", 0, 10, 0, 0, 0},
				} {
					got, err := s.Poll(t.Context(), Query{UnionID: tt.user, Offset: tt.offset, Limit: tt.limit})
					var want []Record
					for i := range tt.n {
						want = append(want, Record{"id": int64(tt.first + i), "name": fmt.Sprintf("person %d", tt.first+i)})
					}
					if diff := cmp.Diff(Result{Records: want, Total: tt.of, Columns: []string{"id", "name"}}, got); diff != "" || err != nil {
						t.Errorf("%s: user %q from %d: %v, (-want +got)\n%s", by, tt.user, tt.offset, err, diff)
					}
				}
			}
		})
	}
}

// TestSQLWhole has whole tables read, up to as many rows as are allowed.
func TestSQLWhole(t *testing.T) {
	for _, kind := range sqlKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.people()
			s := d.source(SQLOptions{Query: "SELECT id FROM people ORDER BY id;", MaxRows: 135})
			if desc := s.Describe(); !desc.Whole || desc.PerUser {
				t.Errorf("Describe = %+v; want a Whole one for all users", desc)
			}
			got, err := s.Poll(t.Context(), Query{Limit: 10})
			if err != nil || len(got.Records) != 135 {
				t.Errorf("Poll = %d records, %v; want 135", len(got.Records), err)
			}
			_, err = d.source(SQLOptions{Query: "SELECT id FROM people", MaxRows: 134}).Poll(t.Context(), Query{})
			wantSQLError(t, err, "more than 134 rows", ":limit", "maxRows")
		})
	}
}

// TestSQLValues has a value of each type read.
func TestSQLValues(t *testing.T) {
	const instant = "2026-02-03T04:05:06.789Z"
	for kind, tt := range map[string]struct {
		query string
		want  Record
	}{
		"postgres": {`SELECT NULL AS nothing, true AS yes, 7::smallint AS small, 9007199254740993::bigint AS big, 1.1::real AS r, 1.25::double precision AS d,
			12345.678901234567890123::numeric AS n, 9007199254740993::numeric AS whole, 'NaN'::numeric AS nan, 'ü' AS txt, '\x00ff'::bytea AS b, 'hé'::bytea AS bt, '{"a": 1}'::jsonb AS j,
			'2026-02-03 04:05:06.789'::timestamp AS t, '2026-02-03 06:05:06.789+02'::timestamptz AS tz, '2026-02-03'::date AS day, 'infinity'::timestamptz AS never,
			'1 day'::interval AS i, '{1,2}'::int[] AS arr, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS id, '04:05:06'::time AS clock`,
			Record{"nothing": nil, "yes": true, "small": int64(7), "big": int64(9007199254740993), "r": 1.1, "d": 1.25,
				"n": 12345.678901234567, "whole": int64(9007199254740993), "nan": "NaN", "txt": "ü", "b": "AP8=", "bt": "hé", "j": `{"a": 1}`,
				"t": instant, "tz": instant, "day": "2026-02-03T00:00:00.000Z", "never": "infinity",
				"i": "1 day", "arr": "{1,2}", "id": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "clock": "04:05:06"}},
		"mysql": {`SELECT NULL AS nothing, true AS yes, 9007199254740993 AS big, CAST(18446744073709551615 AS UNSIGNED) AS huge, CAST(1.1 AS FLOAT) AS r, CAST(1.25 AS DOUBLE) AS d,
			12345.678901234567890123 AS n, CAST(9007199254740993 AS DECIMAL(20)) AS whole, 'ü' AS txt, x'00ff' AS b, CAST('hé' AS BINARY(8)) AS bt, bits, wide,
			CAST('2026-02-03 04:05:06.789' AS DATETIME(3)) AS t, DATE '2026-02-03' AS day, TIME '04:05:06' AS clock, zero FROM v`,
			Record{"nothing": nil, "yes": int64(1), "big": int64(9007199254740993), "huge": uint64(18446744073709551615), "r": 1.1, "d": 1.25,
				"n": 12345.678901234567, "whole": int64(9007199254740993), "txt": "ü", "b": "AP8=", "bt": "hé", "bits": int64(5), "wide": uint64(1 << 63),
				"t": instant, "day": "2026-02-03T00:00:00.000Z", "clock": "04:05:06", "zero": nil}},
		"sqlite": {`SELECT NULL AS missing, 9007199254740993 AS big, 1.25 AS d, 9e999 AS much, 'ü' AS txt, x'00ff' AS b, x'6869' AS bt, t, (SELECT max(t) FROM v) AS last, yes, n FROM v`,
			Record{"missing": nil, "big": int64(9007199254740993), "d": 1.25, "much": "inf", "txt": "ü", "b": "AP8=", "bt": "hi",
				"t": instant, "last": instant, "yes": int64(1), "n": 12345.678901234567}},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			switch kind {
			case "mysql":
				d.exec("CREATE TABLE v (bits BIT(3), wide BIT(64), zero DATE)", "INSERT IGNORE INTO v VALUES (b'101', 1 << 63, '0000-00-00')")
			case "sqlite":
				d.exec("CREATE TABLE v (t DATETIME, yes BOOLEAN, n DECIMAL(30,18))", "INSERT INTO v VALUES ('2026-02-03 04:05:06.789', 1, 12345.678901234567)")
			}
			for _, query := range []string{tt.query, tt.query + " LIMIT :limit OFFSET :offset"} {
				o := SQLOptions{Query: query}
				if strings.Contains(query, ":limit") {
					o.Count = "SELECT 1"
				}
				got, err := d.source(o).Poll(t.Context(), Query{Limit: 1})
				if err != nil || len(got.Records) != 1 {
					t.Fatalf("Poll = %d records, %v; want 1", len(got.Records), err)
				}
				r := got.Records[0]
				for _, name := range []string{"nan", "much"} { // which equal nothing
					if v, there := r[name]; there {
						r[name] = strings.ToLower(strings.TrimPrefix(fmt.Sprint(v), "+"))
						if name == "nan" {
							r[name] = fmt.Sprint(v)
						}
					}
				}
				if diff := cmp.Diff(tt.want, r); diff != "" {
					t.Errorf("values (-want +got)\n%s", diff)
				}
			}
		})
	}
}

// TestSQLErrors wants one sentence that says what to do of whatever is wrong, and the next poll to work.
func TestSQLErrors(t *testing.T) {
	for _, kind := range sqlKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.people()
			for query, words := range map[string][]string{
				"SELECT *\nFROM nosuch":                   {"nosuch", "check the table"},
				"SELECT :unionId,\n nosuch FROM people":   {"nosuch", "check the column"},
				"SELECT id, id FROM people":               {`column "id" twice`, "AS"},
				"INSERT INTO people VALUES (999, 'x', 7)": {"polls are read-only"},
				"DELETE FROM people":                      {"polls are read-only"},
				"SELEKT 1":                                {"SELEKT"},
			} {
				s := d.source(SQLOptions{Query: query, MaxConnections: 1})
				for range 3 {
					_, err := s.Poll(t.Context(), Query{UnionID: "7"})
					wantSQLError(t, err, words...)
				}
				if kind == "postgres" && strings.Contains(query, ":unionId") {
					_, err := s.Poll(t.Context(), Query{})
					wantSQLError(t, err, "line 2, column 2")
				}
			}
			if n := d.number("SELECT count(*) FROM people"); n != 135 {
				t.Errorf("%d people; want 135", n)
			}
			s := d.source(SQLOptions{Query: "SELECT id FROM people LIMIT :limit OFFSET :offset", Count: "SELECT name FROM people"})
			_, err := s.Poll(t.Context(), Query{Limit: 1})
			wantSQLError(t, err, "the count gave no number")
			s = d.source(SQLOptions{Query: "SELECT id FROM people LIMIT :limit OFFSET :offset", Window: "nosuch"})
			_, err = s.Poll(t.Context(), Query{Limit: 1})
			wantSQLError(t, err, `no number in column "nosuch"`)
		})
	}
}

// TestSQLConnectErrors wants the same of a database that is not there or lets nobody in.
func TestSQLConnectErrors(t *testing.T) {
	t.Parallel()
	pg, maria := sharedPostgres.get(t), sharedMariaDB.get(t)
	for _, tt := range []struct {
		url   string
		words []string
	}{
		{"postgres://u:open-sesame-4711@127.0.0.1:1/d?sslmode=disable", []string{"127.0.0.1:1 refuses connections"}},
		{"mysql://u:open-sesame-4711@127.0.0.1:1/d", []string{"127.0.0.1:1 refuses connections"}},
		{"postgres://u:open-sesame-4711@nosuch.invalid/d", []string{`host "nosuch.invalid" is not known`}},
		{strings.Replace(pg.URL(), servers.Password, "open%2Fsesame", 1), []string{"password authentication failed", "check user and password"}},
		{strings.Replace(maria.URL(), servers.Password, "open%2Fsesame", 1), []string{"Access denied", "check user and password"}},
		{strings.Replace(pg.URL(), "/postgres?", "/nosuch?", 1), []string{"nosuch", "check the database"}},
		{strings.TrimSuffix(maria.URL(), "pulsewall") + "nosuch", []string{"nosuch", "check the database"}},
		{strings.Replace(pg.URL(), "sslmode=disable", "sslmode=require", 1), []string{"TLS"}},
		{maria.URL() + "?tls=true", []string{"TLS"}},
		{"sqlite:/nosuch/file.db", []string{`SQLite file "/nosuch/file.db"`, "unable to open"}},
	} {
		s := newTestSQL(t, SQLOptions{URL: Secret(tt.url), Query: "SELECT 1 AS n", Timeout: 30 * time.Second})
		_, err := s.Poll(t.Context(), Query{})
		wantSQLError(t, err, tt.words...)
		if err != nil && strings.Contains(err.Error(), "sesame") {
			t.Errorf("error %q has the password", err)
		}
	}
}
