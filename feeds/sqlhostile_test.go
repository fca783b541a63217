package feeds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestSQLInjection wants what a user may name to be refused or bound: seen in the answers, the tables and the servers' own logs.
func TestSQLInjection(t *testing.T) {
	attacks := []string{"7 OR 1=1", "7' OR '1'='1", "7; DROP TABLE people", "'; DROP TABLE people; --", "7) UNION SELECT 1, 'x", `7\' OR 1=1 -- `,
		":limit", "$1", "?", "7/**/OR/**/1", "NULL", "\x00", "7\nOR 1=1", "٧", strings.Repeat("9", 40)}
	for _, kind := range sqlKinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.exec("CREATE TABLE people (id INTEGER PRIMARY KEY, owner VARCHAR(40))", "INSERT INTO people VALUES (1, '7'), (2, '8')")
			const query = "SELECT id FROM people WHERE owner = :unionId /* injected */ LIMIT :limit OFFSET :offset"
			const count = "SELECT count(*) FROM people WHERE owner = :unionId"
			text := d.source(SQLOptions{Query: query, Count: count, UnionIDType: "text"})
			integer := d.source(SQLOptions{Query: query, Count: count})
			for _, attack := range attacks {
				_, err := integer.Poll(t.Context(), Query{UnionID: attack, Limit: 10})
				wantSQLError(t, err, "is no 64-bit integer")
				got, err := text.Poll(t.Context(), Query{UnionID: attack, Limit: 10})
				if strings.Contains(attack, "\x00") && kind == "postgres" {
					wantSQLError(t, err, "0x00") // PostgreSQL has no such texts
				} else if err != nil || len(got.Records) != 0 || got.Total != 0 {
					t.Errorf("unionId %q: %v, %v; want nothing", attack, got, err)
				}
				for _, sub := range []string{"people/" + attack, "people/7/" + attack, "people/7/1/" + attack, "people/7;" + attack + "=1", "people/7;owner=" + attack} {
					parsed, err := ParseSubscription(sub)
					if err == nil && (parsed.UnionID != "7" || parsed.Current != 1 || parsed.Size != 10 || parsed.Params == "") {
						t.Errorf("%q is understood as %+v", sub, parsed)
					}
				}
			}
			got, err := text.Poll(t.Context(), Query{UnionID: "7", Limit: 10})
			if err != nil || len(got.Records) != 1 || got.Total != 1 || d.number("SELECT count(*) FROM people") != 2 {
				t.Errorf("afterwards: %v, %v; want what was there", got, err)
			}
			if d.server == nil {
				return
			}
			log := d.server.Log()
			for _, attack := range []string{"7 OR 1=1", "7; DROP TABLE people", "$1"} {
				bound := map[string]string{"postgres": fmt.Sprintf("$1 = '%s'", attack), "mysql": fmt.Sprintf("owner = '%s' /* injected */", attack)}[kind]
				if !strings.Contains(log, bound) {
					t.Errorf("the log has no %s", bound)
				}
			}
			if kind == "postgres" && !strings.Contains(log, "$1 = '7'' OR ''1''=''1'") {
				t.Error("the log has no quotes as part of a parameter")
			}
			for line := range strings.Lines(log) { // a word of an attack that the server took for its own
				if strings.Contains(line, "statement: DROP") || strings.Contains(line, "Query\tDROP TABLE") || strings.Contains(line, "Execute\tDROP") {
					t.Errorf("the server did %s", line)
				}
			}
		})
	}
}

// TestSQLFilters wants fields that a user names to be those of the feed, and their values never to reach the database.
func TestSQLFilters(t *testing.T) {
	t.Parallel()
	d := newSQLDatabase(t, "sqlite")
	d.people()
	s := d.source(SQLOptions{Query: "SELECT id, name FROM people"})
	s.desc.Filters = []string{"name"} // as a mapping says
	r := startRig(t, Options{}, Feed{Name: "people", Source: s})
	defer r.stop()
	for _, wrong := range []string{"people;owner=7", "people;id%3D1%20OR%201=1", "people;Name=x"} {
		sub, err := ParseSubscription(wrong)
		if err == nil {
			_, err = r.Resolve(sub)
		}
		if !errors.Is(err, ErrBadSubscription) {
			t.Errorf("%s: %v; want it refused", wrong, err)
		}
	}
	for filter, want := range map[string]int{"person+7": 1, "x'+OR+'1'%3D'1": 0} {
		sub, release := r.watch("people;name=" + filter)
		defer release()
		eventuallySQL(t, func() error {
			if list := r.readings(sub); len(list) > 0 && list[len(list)-1].Status == OK {
				return nil
			}
			return errors.New("no reading")
		})
		if got := r.last(sub).Page.Total; got != want {
			t.Errorf("name %s: %d records; want %d", filter, got, want)
		}
	}
}

// TestSQLTimeout wants a slow query to be ended where it runs, and the next poll to work.
func TestSQLTimeout(t *testing.T) {
	for kind, tt := range map[string]struct{ slow, running string }{
		"postgres": {"SELECT pg_sleep(600)::text AS s FROM (SELECT :unionId) AS u", "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()"},
		"mysql":    {"SELECT SLEEP(600) AS s, CAST(:unionId AS CHAR) AS u FROM people", "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID() AND info LIKE '%SLEEP(600)%'"},
		"sqlite":   {"WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000000) SELECT max(n) FROM c WHERE n <> :unionId", ""},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.people()
			s := d.source(SQLOptions{Query: tt.slow, Timeout: 300 * time.Millisecond, MaxConnections: 1})
			for range 2 {
				_, err := s.Poll(t.Context(), Query{UnionID: "7"})
				wantSQLError(t, err, "took longer than the poll may", "raise timeout")
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := s.Poll(ctx, Query{UnionID: "7"})
			wantSQLError(t, err)
			if tt.running == "" {
				return
			}
			eventuallySQL(t, func() error {
				if n := d.number(tt.running); n != 0 {
					return fmt.Errorf("%d slow statements still run", n)
				}
				return nil
			})
		})
	}
}

// TestSQLPool wants a poll that finds no free connection to say so in its time.
func TestSQLPool(t *testing.T) {
	t.Parallel()
	d := newSQLDatabase(t, "postgres")
	s := d.source(SQLOptions{Query: "SELECT 1 AS n", MaxConnections: 1})
	if err := s.share.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := s.Poll(ctx, Query{})
	s.share.giveBack()
	wantSQLError(t, err, "none of the 1 connections", "raise maxConnections")
	if _, err := s.Poll(t.Context(), Query{}); err != nil {
		t.Errorf("Poll = %v; want nil", err)
	}
}

// TestSQLHuge has a value of 10 MB and a million rows: read where that is allowed, else refused at once, and the next
// poll works.
func TestSQLHuge(t *testing.T) {
	for kind, tt := range map[string]struct {
		value, many string
		rows        int
	}{
		"postgres": {"SELECT repeat('x', 10485760) AS v", "CREATE TABLE many AS SELECT i AS id FROM generate_series(0, 999999) AS i", 1_000_000},
		"mysql":    {"SELECT REPEAT('x', 10485760) AS v", "CREATE TABLE many AS SELECT seq AS id FROM seq_0_to_999999", 1_000_000},
		"sqlite": {"SELECT CAST(zeroblob(10485760) AS TEXT) AS v", "CREATE TABLE many AS WITH RECURSIVE c(id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM c WHERE id < 99999) SELECT id FROM c",
			100_000}, // which the race detector makes as slow as the others' million,
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.exec(tt.many)
			_, err := d.source(SQLOptions{Query: tt.value, MaxConnections: 1}).Poll(t.Context(), Query{})
			wantSQLError(t, err, "bytes", "raise maxBytes")
			got, err := d.source(SQLOptions{Query: tt.value, MaxBytes: 16 << 20, MaxConnections: 1, Timeout: time.Minute}).Poll(t.Context(), Query{})
			if err != nil || len(got.Records) != 1 || len(got.Records[0]["v"].(string)) != 10<<20 {
				t.Errorf("10 MB: %d records, %v; want 1", len(got.Records), err)
			}
			whole := d.source(SQLOptions{Query: "SELECT id FROM many", MaxConnections: 1})
			for range 2 {
				_, err = whole.Poll(t.Context(), Query{})
				wantSQLError(t, err, "more than 10000 rows")
			}
			_, err = d.source(SQLOptions{Query: "SELECT id FROM many", MaxRows: 1_000_000, MaxBytes: 1 << 20, MaxConnections: 1, Timeout: time.Minute}).Poll(t.Context(), Query{})
			wantSQLError(t, err, "more than 1048576 bytes")
			paged := d.source(SQLOptions{Query: "SELECT id FROM many ORDER BY id LIMIT :limit OFFSET :offset", Count: "SELECT count(*) FROM many", MaxConnections: 1, Timeout: time.Minute})
			got, err = paged.Poll(t.Context(), Query{Offset: tt.rows - 10, Limit: 500})
			if err != nil || len(got.Records) != 10 || got.Total != tt.rows {
				t.Errorf("last page: %d records of %d, %v; want 10 of %d", len(got.Records), got.Total, err, tt.rows)
			}
		})
	}
}
