//go:build unix

package acceptance

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/eclipse/paho.golang/paho"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// atOnce takes steps side by side, and returns when all have ended.
func atOnce(t *testing.T, steps ...func() error) {
	t.Helper()
	errs := make([]error, len(steps))
	var wg sync.WaitGroup
	for i, step := range steps {
		wg.Go(func() { errs[i] = step() })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// serving is a step that starts a real server, which ends with the test.
func serving(t *testing.T, to **servers.Server, start func(context.Context) (*servers.Server, error)) func() error {
	return func() error {
		s, err := start(t.Context())
		if err == nil {
			*to = s
			t.Cleanup(s.Close)
		}
		return err
	}
}

// database is a real server as its operator sees it.
type database struct {
	*sql.DB
	t      *testing.T
	server *servers.Server
}

func newDatabase(t *testing.T, s *servers.Server) *database {
	t.Helper()
	driver, dsn := "pgx", s.URL()
	if strings.HasPrefix(dsn, "mysql") {
		driver, dsn = "mysql", fmt.Sprintf("%s:%s@tcp(%s)/pulsewall", servers.User, servers.Password, s.Addr())
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(-1) // so that none is counted, and none is there that was killed
	t.Cleanup(func() { _ = db.Close() })
	return &database{DB: db, t: t, server: s}
}

// in is d for a test within the one that opened it.
func (d *database) in(t *testing.T) *database { return &database{d.DB, t, d.server} }

func (d *database) exec(statements ...string) {
	d.t.Helper()
	for _, s := range statements {
		if _, err := d.ExecContext(d.t.Context(), s); err != nil {
			d.t.Fatalf("%s: %v", s, err)
		}
	}
}

// number asks for one.
func (d *database) number(query string) (n int) {
	d.t.Helper()
	if err := d.QueryRowContext(d.t.Context(), query).Scan(&n); err != nil {
		d.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// statements is how often the server's own log has a statement with a mark as run.
func (d *database) statements(mark string) (n int) {
	for line := range strings.Lines(d.server.Log()) {
		if !strings.Contains(line, mark) {
			continue
		}
		for _, run := range []string{"execute ", "statement: ", "Execute\t", "Query\t"} {
			if strings.Contains(line, run) {
				n++
				break
			}
		}
	}
	return n
}

// retain tells a broker something that it keeps.
func retain(ctx context.Context, broker *servers.Server, topic, payload string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", broker.Addr())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	client := paho.NewClient(paho.ClientConfig{Conn: conn})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: "operator", CleanStart: true, KeepAlive: 60}); err != nil {
		return err
	}
	_, err = client.Publish(ctx, &paho.Publish{Topic: topic, Payload: []byte(payload), QoS: 1, Retain: true})
	err = errors.Join(err, client.Disconnect(&paho.Disconnect{}))
	<-client.Done()
	return err
}

// configured writes a configuration and returns its path.
func configured(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "wall.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
