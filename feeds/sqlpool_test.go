package feeds

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSQLManyFeeds has 200 feeds of one database polled at once, over as few connections as they may have together, and of PostgreSQL
// listen over one: the database itself counts them, each time that it is asked.
func TestSQLManyFeeds(t *testing.T) {
	const feeds = 200
	for kind, count := range map[string]string{
		"postgres": "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = ",
		"mysql":    "SELECT count(*) AS n FROM information_schema.processlist WHERE db = ",
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := newSQLDatabase(t, kind)
			u, err := url.Parse(d.url)
			if err != nil {
				t.Fatal(err)
			}
			count += "'" + strings.TrimPrefix(u.Path, "/") + "'"
			listens := map[string]int64{"postgres": 1}[kind]
			_ = d.admin.Close()
			outside := &sqlDatabase{t: t, kind: kind}
			outside.connect(d.server.URL())
			none := func() error {
				if n := outside.number(count); n != 0 {
					return fmt.Errorf("%d connections; want none", n)
				}
				return nil
			}
			eventuallySQL(t, none)
			var list []Feed
			for i := range feeds {
				o := SQLOptions{Query: count, Timeout: time.Minute, MaxConnections: 1 + i%3}
				if listens > 0 {
					o.Listen = fmt.Sprint("news", i%2)
				}
				s := d.source(o)
				list = append(list, Feed{Name: fmt.Sprint("feed", i), Source: s, Interval: 2 * time.Minute})
			}
			r := startRig(t, Options{}, list...)
			defer r.stop()
			var subs []Subscription
			for _, f := range list {
				sub, release := r.watch(f.Name)
				defer release()
				subs = append(subs, sub)
			}
			var seen []int64
			for _, sub := range subs {
				eventuallySQL(t, func() error {
					if r.versions(sub) == 0 {
						return fmt.Errorf("%s: no reading", sub)
					}
					return nil
				})
				got := r.last(sub)
				if got.Status != OK {
					t.Fatalf("%s: %s %s", sub, got.Status, got.Error)
				}
				seen = append(seen, got.Page.Records[0]["n"].(int64))
			}
			if most := slices.Max(seen); most > 3+listens {
				t.Errorf("%d connections; want 3 at most, the largest number that a feed names, and %d that listens", most, listens)
			}
			r.stop()
			eventuallySQL(t, none)
		})
	}
}

// TestSQLSlowFeed has a feed whose statements never end asked all the time, by more users than there are connections: another one
// of the same database is given the connection that is free next, and where there are two it need not wait for one.
func TestSQLSlowFeed(t *testing.T) {
	const timeout = 500 * time.Millisecond
	for kind, sleep := range map[string]string{"postgres": "SELECT pg_sleep(600)::text AS s FROM (SELECT :unionId) AS u", "mysql": "SELECT SLEEP(600) AS s, CAST(:unionId AS CHAR) AS u"} {
		for most := 1; most <= 2; most++ {
			t.Run(fmt.Sprint(kind, " ", most), func(t *testing.T) {
				t.Parallel()
				d := newSQLDatabase(t, kind)
				slow := d.source(SQLOptions{Query: sleep, Timeout: timeout, MaxConnections: most})
				quick := d.source(SQLOptions{Query: "SELECT 1 AS n", Timeout: time.Minute, MaxConnections: most})
				ctx, stop := context.WithCancel(t.Context())
				var users sync.WaitGroup
				defer users.Wait()
				defer stop()
				for user := range 6 {
					users.Go(func() {
						for ctx.Err() == nil {
							if _, err := slow.Poll(ctx, Query{UnionID: fmt.Sprint(user)}); err == nil {
								t.Error("the slow statement ended")
							}
						}
					})
				}
				for range 5 {
					overtaken(t, slow.share, quick)
				}
			})
		}
	}
}

// overtaken polls quick while polls of slow wait, and wants quick's to be the next that gets a connection.
func overtaken(t *testing.T, slow *sqlShare, quick *SQL) {
	t.Helper()
	p, most := slow.pool, max(slow.pool.limit()-1, 1)
	eventuallySQL(t, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if slow.held != most || len(p.waiting) == 0 {
			return fmt.Errorf("the slow feed has %d connections, and %d polls wait; want %d, and some", slow.held, len(p.waiting), most)
		}
		return nil
	})
	done := make(chan error, 1)
	go func() {
		_, err := quick.Poll(t.Context(), Query{})
		done <- err
	}()
	waits, before := false, uint64(0)
	eventuallySQL(t, func() error {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Poll = %v; want nil", err)
			}
			return nil
		default:
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if slices.ContainsFunc(p.waiting, func(turn *sqlTurn) bool { return turn.share == quick.share }) {
			waits, before = true, p.served
		}
		return errors.New("no answer")
	})
	if waits && p.limit() > 1 {
		t.Error("it waited, though the slow feed may not have all connections")
	}
	if turn := quick.share.served; waits && turn != before+1 {
		t.Errorf("%d polls were given a connection before it", turn-before-1)
	}
}

// newTurns are shares of a pool that connects to nothing.
func newTurns(t *testing.T, most ...int) (list []*sqlShare) {
	t.Helper()
	for _, n := range most {
		s := joinSQLPool(sqlPoolKey{"none", Secret(t.Name())}, nil, false, n)
		list = append(list, s)
		t.Cleanup(func() { _ = s.leave() })
	}
	return list
}

// TestSQLTurns has feeds ask for more connections than there are. Each turn is over when the next is looked for.
func TestSQLTurns(t *testing.T) {
	for name, tt := range map[string]struct {
		most int
		asks string // who, in the order of asking
		want string // who is given one; of those before the bar at the same time
	}{
		"one for all, in turn":             {1, "aaaabbc", "a|bcabaa"},
		"the last one is for others":       {2, "aaaabb", "ab|abaa"},
		"nobody else asks":                 {3, "aaaa", "aa|aa"},
		"who has the fewest comes first":   {4, "aaaaabbbc", "aaab|cabab"},
		"who was given none for long next": {1, "abcabcabc", "a|bcabcabc"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				shares := newTurns(t, tt.most, tt.most, tt.most)
				turns := make(chan byte, len(tt.asks))
				for _, who := range []byte(tt.asks) {
					go func() {
						if err := shares[who-'a'].take(t.Context()); err != nil {
							t.Error(err)
						}
						turns <- who
					}()
					synctest.Wait()
				}
				got := ""
				var held []byte
				take := func() {
					for synctest.Wait(); len(turns) > 0; {
						who := <-turns
						got, held = got+string(who), append(held, who)
					}
				}
				take()
				got += "|"
				for len(held) > 0 {
					shares[held[0]-'a'].giveBack()
					held = held[1:]
					take()
				}
				if got != tt.want {
					t.Errorf("turns %s; want %s", got, tt.want)
				}
			})
		})
	}
}

// TestSQLTurnGivenUp wants who waits no longer to leave nothing behind.
func TestSQLTurnGivenUp(t *testing.T) {
	t.Parallel()
	shares := newTurns(t, 1, 1)
	if err := shares[0].take(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := shares[1].take(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("take = %v; want %v", err, context.Canceled)
	}
	shares[0].giveBack()
	if p := shares[0].pool; p.held != 0 || len(p.waiting) != 0 || shares[0].held != 0 || shares[1].held != 0 {
		t.Errorf("afterwards: %d connections taken, %d wait; want none", p.held, len(p.waiting))
	}
}

// TestSQLWaitIsTold wants a poll whose turn does not come to say so while there is somebody who hears it.
func TestSQLWaitIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestSQL(t, SQLOptions{URL: "postgres://u@127.0.0.1:1/told", Query: "SELECT 1 AS n", MaxConnections: 1})
		if err := s.share.take(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer s.share.giveBack()
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		_, err := s.Poll(ctx, Query{})
		wantSQLError(t, err, "none of the 1 connections", "raise maxConnections")
		if ctx.Err() != nil {
			t.Error("the time of the poll is over; want it told before that")
		}
	})
}

// TestSQLPoolKeys wants feeds of one database to share its connections, those of others not, and the last one to close them.
func TestSQLPoolKeys(t *testing.T) {
	t.Parallel()
	open := func(url string, most int) *SQL {
		return newTestSQL(t, SQLOptions{URL: Secret(url), Query: "SELECT 1 AS n", MaxConnections: most, MaxBytes: most << 20, Timeout: time.Duration(most) * time.Second})
	}
	first := open("postgres://u:p@127.0.0.1:1/keys?sslmode=disable&application_name=a", 2)
	same := open("postgresql://u:p@127.0.0.1:1/keys?application_name=a&sslmode=disable", 7)
	for _, other := range []string{"postgres://u:p@127.0.0.1:1/keys?application_name=a", "postgres://v:p@127.0.0.1:1/keys?sslmode=disable&application_name=a",
		"postgres://u:q@127.0.0.1:1/keys?sslmode=disable&application_name=a", "mysql://u:p@127.0.0.1:1/keys"} {
		if s := open(other, 1); s.share.pool == first.share.pool || s.share.pool.limit() != 1 {
			t.Errorf("%s shares the connections of %s", other, first.opts.URL.Reveal())
		}
	}
	if first.share.pool != same.share.pool || first.share.pool.limit() != 7 {
		t.Errorf("two feeds of a database have two pools, or %d connections; want one with the larger number, 7", first.share.pool.limit())
	}
	for _, s := range []*SQL{first, first} {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	}
	_, err := same.Poll(t.Context(), Query{})
	wantSQLError(t, err, "refuses connections")
	if err := same.Close(); err != nil {
		t.Errorf("Close = %v; want nil", err)
	}
	_, err = same.Poll(t.Context(), Query{})
	wantSQLError(t, err, "closed")
	if again := open(same.opts.URL.Reveal(), 3); again.share.pool == same.share.pool || again.share.pool.limit() != 3 {
		t.Error("a feed that comes after the last one has its pool; want one of its own")
	}
}
