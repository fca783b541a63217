package feeds

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// statements counts those that a server's log has with a mark, each time that they were executed.
func statements(d *sqlDatabase, mark string) int {
	executed := map[string]string{"postgres": "execute ", "mysql": "Execute"}[d.kind]
	n := 0
	for line := range strings.Lines(d.server.Log()) {
		if strings.Contains(line, executed) && strings.Contains(line, mark) {
			n++
		}
	}
	return n
}

// versions is how many readings of a subscription a poll gave.
func (r *rig) versions(sub Subscription) int { return len(r.readings(sub)) }

// TestSQLStatements has 30 users on 30 pages cost as many statements as the feed promises: of a Whole one a statement an
// interval, of a paged one a statement and a count for each page.
func TestSQLStatements(t *testing.T) {
	const users, rounds = 30, 2
	for _, kind := range []string{"postgres", "mysql"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			d.people()
			// All polls have a parameter, so that the log has all of them as executed.
			name := fmt.Sprintf("%s%d", kind, sqlDatabases.Add(1))
			whole := d.source(SQLOptions{Query: "SELECT id AS whole_" + name + " FROM people WHERE :unionId IS NULL OR owner = :unionId ORDER BY id"})
			whole.desc.PerUser = false // as if it did not name it, which is in the query for the log alone
			paged := d.source(SQLOptions{Query: "SELECT id AS paged_" + name + " FROM people ORDER BY id LIMIT :limit OFFSET :offset",
				Count: "SELECT count(*) AS count_" + name + " FROM people WHERE :unionId IS NULL OR owner = :unionId"})
			paged.desc.PerUser = false
			r := startRig(t, Options{}, Feed{Name: "whole", Source: whole, Interval: 2 * time.Second}, Feed{Name: "paged", Source: paged, Interval: 2 * time.Second})
			defer r.stop()
			var wholes, pages []Subscription
			for i := range users {
				w, releaseWhole := r.watch(fmt.Sprintf("whole/%d/%d/4", i+1, i+1))
				p, releasePaged := r.watch(fmt.Sprintf("paged/%d/%d/4", i+1, i+1))
				wholes, pages = append(wholes, w), append(pages, p)
				defer releaseWhole()
				defer releasePaged()
			}
			for _, sub := range append(wholes, pages...) {
				eventuallySQL(t, func() error {
					if n := r.versions(sub); n < rounds {
						return fmt.Errorf("%s: %d readings; want %d", sub, n, rounds)
					}
					return nil
				})
			}
			r.stop()
			polls := 0
			for i := range users {
				if n, m := r.versions(wholes[i]), r.versions(wholes[0]); n != m {
					t.Errorf("%d readings of page %d of the whole table; want %d, as of page 1", n, i+1, m)
				}
				w, p := r.last(wholes[i]).Page, r.last(pages[i]).Page
				if len(w.Records) != 4 || len(p.Records) != 4 || w.Records[0]["whole_"+name] != int64(4*i) || p.Records[0]["paged_"+name] != int64(4*i) || p.Total != 135 {
					t.Errorf("page %d: %v and %v; want records %d to %d of 135", i+1, w, p, 4*i, 4*i+3)
				}
				polls += r.versions(pages[i])
			}
			// The end may have come between a statement and its reading.
			for what, tt := range map[string]struct{ seen, readings, ended int }{
				"whole": {statements(d, "whole_"+name), r.versions(wholes[0]), 1},
				"paged": {statements(d, "paged_"+name), polls, users},
				"count": {statements(d, "count_"+name), polls, users},
			} {
				if tt.seen < tt.readings || tt.seen > tt.readings+tt.ended {
					t.Errorf("%s: the log has %d statements for %d polls; want as many", what, tt.seen, tt.readings)
				}
			}
		})
	}
}

// TestSQLRestart has a server killed and started again under load, twice, and then frozen: readings say so, and are good again by
// themselves.
func TestSQLRestart(t *testing.T) {
	for kind, start := range map[string]func(context.Context) (*servers.Server, error){"postgres": servers.Postgres, "mysql": servers.MariaDB} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server, err := start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			d := &sqlDatabase{t: t, kind: kind, server: server}
			d.connect(server.URL())
			d.people()
			_ = d.admin.Close()
			const where = "FROM people WHERE owner = :unionId"
			s := d.source(SQLOptions{Query: "SELECT id " + where + " ORDER BY id LIMIT :limit OFFSET :offset", Count: "SELECT count(*) " + where})
			r := startRig(t, Options{}, Feed{Name: "people", Source: s, Interval: time.Second})
			defer r.stop()
			var subs []Subscription
			for i := range 20 {
				sub, release := r.watch(fmt.Sprintf("people/%d/%d", 7+i%2, i/2+1))
				defer release()
				subs = append(subs, sub)
			}
			all := func(what string, is func(Reading) bool) {
				t.Helper()
				since := time.Now()
				for _, sub := range subs {
					eventuallySQL(t, func() error {
						if list := r.readings(sub); len(list) > 0 && list[len(list)-1].Seen.After(since) && is(list[len(list)-1]) {
							return nil
						}
						return fmt.Errorf("%s: no reading that is %s: %v", sub, what, r.readings(sub)[max(0, r.versions(sub)-1):])
					})
				}
			}
			good := func(x Reading) bool {
				return x.Status == OK && x.Page.Total == map[string]int{"7": 100, "8": 30}[x.Sub.UnionID]
			}
			all("good", good)
			for range 2 {
				server.Kill()
				all("refused", func(x Reading) bool { return x.Status == Stale && strings.Contains(x.Error, "refuses connections") })
				if err := server.Restart(t.Context()); err != nil {
					t.Fatal(err)
				}
				all("good", good)
			}
			server.Freeze()
			all("late", func(x Reading) bool {
				if x.Error != "" {
					wantSQLError(t, errors.New(x.Error))
				}
				return x.Status == Stale
			})
			server.Thaw()
			all("good", good)
		})
	}
}

// TestSQLFrozen has a poll of a server that hangs end with its context, whether it has to connect or not.
func TestSQLFrozen(t *testing.T) {
	for kind, start := range map[string]func(context.Context) (*servers.Server, error){"postgres": servers.Postgres, "mysql": servers.MariaDB} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			server, err := start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			kept := newTestSQL(t, SQLOptions{URL: Secret(server.URL()), Query: "SELECT 1 AS n"})
			fresh := newTestSQL(t, SQLOptions{URL: Secret(server.URL()), Query: "SELECT 1 AS n"})
			if _, err := kept.Poll(t.Context(), Query{}); err != nil {
				t.Fatal(err)
			}
			server.Freeze()
			for _, s := range []*SQL{kept, fresh} {
				ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
				begun := time.Now()
				_, err := s.Poll(ctx, Query{})
				cancel()
				wantSQLError(t, err, "took longer than the poll may", "can be reached from here")
				if took := time.Since(begun); took > 4*time.Second { // 10 s is what the source itself allows
					t.Errorf("Poll of 200 ms took %v", took)
				}
			}
			server.Thaw()
			if _, err := kept.Poll(t.Context(), Query{}); err != nil {
				t.Errorf("thawed: %v", err)
			}
		})
	}
}
