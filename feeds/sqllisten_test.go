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
	s := d.source(SQLOptions{Query: "SELECT n FROM mail WHERE owner = :unionId", Listen: `Mail "in"`, MaxConnections: 1}) // which listening does not take
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

// TestSQLEar has feeds of a database listen over one connection, each to its own channel, come and go: it is there for as long as
// one of them is.
func TestSQLEar(t *testing.T) {
	t.Parallel()
	d := newSQLDatabase(t, "postgres")
	listening := func(want int) {
		t.Helper()
		eventuallySQL(t, func() error {
			if n := d.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"); n != want {
				return fmt.Errorf("%d connections listen; want %d", n, want)
			}
			return nil
		})
	}
	hears := func(heard chan string, want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("it heard of %q; want %q", got, want)
			}
		case <-time.After(sqlPatience):
			t.Fatalf("it did not hear of %q", want)
		}
	}
	run := func(channel string) (heard chan string, stop func()) {
		t.Helper()
		s := d.source(SQLOptions{Query: "SELECT :unionId AS u", Listen: channel})
		ctx, cancel := context.WithCancel(t.Context())
		heard = make(chan string, 100)
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx, func(id string) { heard <- id }) }()
		hears(heard, "") // it listens
		return heard, func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("Run = %v; want nil", err)
			}
		}
	}
	red, stopRed := run("red")
	blue, stopBlue := run("blue")
	again, stopAgain := run("blue")
	listening(1)
	d.exec("NOTIFY red, '7'", "NOTIFY green, '8'", "NOTIFY blue, '9'", "NOTIFY red, '10'")
	hears(red, "7")
	hears(red, "10")
	hears(blue, "9")
	hears(again, "9")
	stopRed()
	d.exec("NOTIFY red, '11'", "NOTIFY blue, '12'")
	hears(blue, "12")
	hears(again, "12")
	stopBlue()
	d.exec("NOTIFY blue, '13'")
	hears(again, "13")
	stopAgain()
	listening(0)
	green, stopGreen := run("green")
	listening(1)
	d.exec("NOTIFY green, '14'")
	hears(green, "14")
	stopGreen()
	listening(0)
	for name, heard := range map[string]chan string{"red": red, "blue": blue, "again": again, "green": green} {
		if len(heard) > 0 {
			t.Errorf("%s heard of %q as well", name, <-heard)
		}
	}
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
