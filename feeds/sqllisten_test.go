package feeds

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"
)

// TestSQLListen has a NOTIFY bring a new reading long before the interval is over, to a user and to all, and again
// after the connection that listens was cut.
func TestSQLListen(t *testing.T) {
	t.Parallel()
	d := newSQLDatabase(t, "postgres")
	d.exec("CREATE TABLE mail (owner bigint, n bigint)", "INSERT INTO mail VALUES (7, 0), (8, 0)")
	s := d.source(SQLOptions{Query: "SELECT n FROM mail WHERE owner = :unionId", Listen: `Mail "in"`})
	r := startRig(t, Options{}, Feed{Name: "mail", Source: s, Interval: time.Hour, MinGap: 100 * time.Millisecond})
	defer r.stop()
	seven, release7 := r.watch("mail/7")
	defer release7()
	eight, release8 := r.watch("mail/8")
	defer release8()
	shows := func(sub Subscription, n int) {
		t.Helper()
		eventuallySQL(t, func() error {
			list := r.readings(sub)
			if len(list) == 0 {
				return fmt.Errorf("%s: no reading", sub)
			}
			last := list[len(list)-1]
			if last.Status != OK || fmt.Sprint(last.Page.Records) != fmt.Sprint([]Record{{"n": int64(n)}}) {
				return fmt.Errorf("%s: %s %s %v; want %d", sub, last.Status, last.Error, last.Page, n)
			}
			return nil
		})
	}
	listening := func() {
		t.Helper()
		eventuallySQL(t, func() error {
			if n := d.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"); n != 1 {
				return fmt.Errorf("%d connections listen; want 1", n)
			}
			return nil
		})
	}
	shows(seven, 0)
	shows(eight, 0)
	listening()
	d.exec("UPDATE mail SET n = 1", `NOTIFY "Mail ""in""", '7'`)
	shows(seven, 1)
	d.exec("UPDATE mail SET n = 2", `NOTIFY "Mail ""in""", 'all of them'`)
	shows(seven, 2)
	shows(eight, 2)
	d.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()")
	eventuallySQL(t, func() error {
		for _, x := range r.readings(seven) {
			if x.Status == Stale && x.Error != "" {
				wantSQLError(t, fmt.Errorf("%s", x.Error), `isten on "Mail \"in\""`)
				return nil
			}
		}
		return fmt.Errorf("no reading says that nobody listens")
	})
	listening()
	d.exec("UPDATE mail SET n = 3", `NOTIFY "Mail ""in""", '8'`)
	shows(eight, 3)
}

// TestSQLSilent has a source that listens to nothing wait for its end.
func TestSQLSilent(t *testing.T) {
	t.Parallel()
	s := newTestSQL(t, SQLOptions{URL: "sqlite:nosuch.db", Query: "SELECT 1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx, func(id string) { t.Errorf("wake(%s)", strconv.Quote(id)) }); err != nil {
		t.Errorf("Run = %v; want nil", err)
	}
}

// TestSQLWhose has a payload wake one user where it names one, else all.
func TestSQLWhose(t *testing.T) {
	t.Parallel()
	o := SQLOptions{URL: "postgres://u@127.0.0.1:1/d", Query: "SELECT :unionId AS u", Listen: "news"}
	own := newTestSQL(t, o)
	o.Query = "SELECT 1 AS n"
	shared := newTestSQL(t, o)
	for payload, want := range map[string]string{"7": "7", "-007": "-7", "": "", "-": "", "all": "", "7 or 8": ""} {
		if got := own.whose(payload); got != want {
			t.Errorf("payload %q is for %q; want %q", payload, got, want)
		}
		if got := shared.whose(payload); got != "" {
			t.Errorf("payload %q of a feed for all is for %q; want all", payload, got)
		}
	}
}
