package feeds

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// sqlPatience is how long a test waits for what has to come.
const sqlPatience = 60 * time.Second

// sharedServer is one that all tests of this package use, started at first need. closeShared closes it.
type sharedServer struct {
	start func(context.Context) (*servers.Server, error)
	once  sync.Once
	s     *servers.Server
	err   error
}

func (s *sharedServer) get(t testing.TB) *servers.Server {
	t.Helper()
	s.once.Do(func() { s.s, s.err = s.start(context.WithoutCancel(t.Context())) })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.s
}

var (
	sharedPostgres = &sharedServer{start: servers.Postgres}
	sharedMariaDB  = &sharedServer{start: servers.MariaDB}
)

// closing closes the shared servers at the end of all tests, before it is looked for what is left.
type closing struct{ *testing.M }

func (m closing) Run() int {
	code := m.M.Run()
	for _, s := range []*sharedServer{sharedPostgres, sharedMariaDB} {
		if s.s != nil {
			s.s.Close()
		}
	}
	return code
}

// sqlKinds are all databases; most tests run on each.
var sqlKinds = []string{"postgres", "mysql", "sqlite"}

// sqlDatabases numbers databases.
var sqlDatabases atomic.Int64

// sqlDatabase is a database of its own for a test.
type sqlDatabase struct {
	t      testing.TB
	kind   string
	url    string
	server *servers.Server // nil of SQLite
	admin  *sql.DB
}

func newSQLDatabase(t testing.TB, kind string) *sqlDatabase {
	t.Helper()
	d := &sqlDatabase{t: t, kind: kind}
	switch kind {
	case "postgres":
		d.server = sharedPostgres.get(t)
	case "mysql":
		d.server = sharedMariaDB.get(t)
	case "sqlite":
		d.url = "sqlite:" + filepath.Join(t.TempDir(), "test.db")
		db, err := sql.Open("sqlite", strings.TrimPrefix(d.url, "sqlite:"))
		if err != nil {
			t.Fatal(err)
		}
		d.admin = db
		t.Cleanup(func() { _ = db.Close() })
		return d
	}
	name := fmt.Sprintf("test%d", sqlDatabases.Add(1))
	d.connect(d.server.URL())
	d.exec("CREATE DATABASE " + name)
	u, err := url.Parse(d.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	d.connect(u.String())
	return d
}

// connect makes url the one of d.
func (d *sqlDatabase) connect(written string) {
	d.t.Helper()
	d.url = written
	u, err := url.Parse(written)
	if err != nil {
		d.t.Fatal(err)
	}
	c, _, err := sqlEngines()[d.kind].open(u)
	if err != nil {
		d.t.Fatal(err)
	}
	db := sql.OpenDB(c)
	d.admin = db
	d.t.Cleanup(func() { _ = db.Close() })
}

func (d *sqlDatabase) exec(statements ...string) {
	d.t.Helper()
	for _, s := range statements {
		if _, err := d.admin.ExecContext(d.t.Context(), s); err != nil {
			d.t.Fatalf("%s: %v", s, err)
		}
	}
}

// number asks for one.
func (d *sqlDatabase) number(query string) (n int) {
	d.t.Helper()
	if err := d.admin.QueryRowContext(d.t.Context(), query).Scan(&n); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// people makes a table with 100 of user 7, 30 of user 8, and 5 of nobody.
func (d *sqlDatabase) people() {
	d.t.Helper()
	d.exec("CREATE TABLE people (id INTEGER PRIMARY KEY, name VARCHAR(40), owner INTEGER)")
	var rows []string
	for i := range 135 {
		owner := "7"
		if i >= 130 {
			owner = "NULL"
		} else if i >= 100 {
			owner = "8"
		}
		rows = append(rows, fmt.Sprintf("(%d, 'person %d', %s)", i, i, owner))
	}
	d.exec("INSERT INTO people VALUES " + strings.Join(rows, ","))
}

// source is one of this database, closed with the test.
func (d *sqlDatabase) source(o SQLOptions) *SQL {
	d.t.Helper()
	o.URL = Secret(d.url)
	return newTestSQL(d.t, o)
}

func newTestSQL(t testing.TB, o SQLOptions) *SQL {
	t.Helper()
	s, err := NewSQL(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v; want nil", err)
		}
	})
	return s
}

// eventuallySQL waits for what has to come.
func eventuallySQL(t testing.TB, try func() error) {
	t.Helper()
	deadline := time.NewTimer(sqlPatience)
	defer deadline.Stop()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-deadline.C:
			t.Fatalf("after %v: %v", sqlPatience, err)
		case <-again.C:
		}
	}
}

// wantSQLError wants an error of one sentence with each of the words, and none of the secrets.
func wantSQLError(t testing.TB, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one with %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q; want %q in it", err, w)
		}
	}
	if strings.Contains(err.Error(), servers.Password) || strings.Contains(err.Error(), "://") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %q; want no password, no URL, and one line", err)
	}
}
