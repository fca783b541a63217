//go:build unix

package acceptance

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// mortal are feeds of servers that are killed, for the URLs of PostgreSQL, MariaDB, Redis, a broker and Prometheus.
const mortal = `
feeds:
  - { name: postgres, interval: 1s, sql: { url: "%[1]s", query: "SELECT 1 AS n, count(*) OVER () AS total LIMIT :limit OFFSET :offset", window: total } }
  - { name: mariadb, interval: 1s, sql: { url: "%[2]s", query: "SELECT 1 AS n" } }
  - { name: redis, interval: 1s, redis: { url: "%[3]s", list: l } }
  - { name: mqtt, interval: 1s, mqtt: { url: "%[4]s", topics: [t] } }
  - { name: prometheus, interval: 1s, prometheus: { url: "%[5]s", query: vector(1) } }
dashboards:
  - name: wall
    title: Wall
    panels:
      - { name: postgres, title: A, feed: postgres }
      - { name: mariadb, title: B, feed: mariadb }
      - { name: redis, title: C, feed: redis }
      - { name: mqtt, title: D, feed: mqtt }
      - { name: prometheus, title: E, feed: prometheus }
`

var mortals = []string{"postgres", "mariadb", "redis", "mqtt", "prometheus"}

// dying is a program whose sources are killed, and who watches it.
type dying struct {
	t       *testing.T
	p       *process
	crowd   *crowd
	clients []*onlooker

	pg, maria, redis, broker, prometheus *servers.Server
}

func newDying(t *testing.T) *dying {
	t.Helper()
	d := &dying{t: t}
	atOnce(t, serving(t, &d.pg, servers.Postgres), serving(t, &d.maria, servers.MariaDB), serving(t, &d.redis, servers.Redis), serving(t, &d.broker, servers.Mosquitto),
		serving(t, &d.prometheus, func(ctx context.Context) (*servers.Server, error) { return servers.Prometheus(ctx) }), func() error { build(t); return nil })
	d.fill()
	path := configured(t, fmt.Sprintf(mortal, d.pg.URL(), d.maria.URL(), d.redis.URL(), d.broker.URL(), d.prometheus.URL()))
	d.p = start(t, freeAddress(t), nil, "--config", path).ready()
	d.crowd = newCrowd(t)
	query := ""
	for _, feed := range mortals {
		query += "&sub=" + feed
	}
	for i := range 20 {
		d.clients = append(d.clients, d.crowd.look(&d.p.site, []string{"websocket", "sse"}[i%2], fmt.Sprint("unionId=", i, query)))
		d.crowd.pollOn(&d.p.site, fmt.Sprint("unionId=", i, query))
	}
	return d
}

// fill tells the servers what is to be read, which the broker forgets with its life.
func (d *dying) fill() {
	d.t.Helper()
	client := d.operator()
	defer func() { _ = client.Close() }()
	if err := client.Do(d.t.Context(), "RPUSH", "l", "1").Err(); err != nil {
		d.t.Fatal(err)
	}
	if err := retain(d.t.Context(), d.broker, "t", "1"); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dying) operator() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: d.redis.Addr(), Password: servers.Password})
}

func (d *dying) each(step func(*servers.Server) error) {
	d.t.Helper()
	var steps []func() error
	for _, s := range []*servers.Server{d.pg, d.maria, d.redis, d.broker, d.prometheus} {
		steps = append(steps, func() error { return step(s) })
	}
	atOnce(d.t, steps...)
}

// all waits until every client was told that of every feed.
func (d *dying) all(what string, is func(reading) bool) {
	d.t.Helper()
	for _, o := range d.clients {
		for _, feed := range mortals {
			eventually(d.t, time.Minute, func() error {
				if r := o.of(feed); !is(r) || r.Page == nil || len(r.Page.Records) == 0 {
					return fmt.Errorf("%s: %+v with %+v; want it %s, with a record", feed, r, r.Page, what)
				}
				return nil
			})
		}
	}
}

// page checks that the page shows, of each panel, its last records, what is wrong, since when and how old they are.
func (d *dying) page() {
	d.t.Helper()
	resp, body := get(d.t, d.p.URL+"/d/wall")
	if resp.StatusCode != 200 || strings.Contains(body, servers.Password) {
		d.t.Errorf("the page: %s, with a password: %v; want 200 without", resp.Status, strings.Contains(body, servers.Password))
	}
	for _, feed := range mortals {
		panel := regexp.MustCompile(`(?s)<section[^>]*data-panel="` + feed + `".*?</section>`).FindString(body)
		for _, want := range []string{`data-status="stale"`, `data-reason="failed"`, `data-error="[^"]+"`, `data-since="[0-9]+"`, `class="age old"`, `[0-9]+ (s|min) old`, `<tbody>.*<b>1</b>`} {
			if !regexp.MustCompile(want).MatchString(panel) {
				d.t.Errorf("panel %s has no %s:\n%s", feed, want, panel)
			}
		}
	}
}

// connections are those that the servers have from the program.
func (d *dying) connections() map[string]int {
	d.t.Helper()
	client := d.operator()
	defer func() { _ = client.Close() }()
	list, err := client.Do(d.t.Context(), "CLIENT", "LIST", "TYPE", "normal").Text()
	if err != nil {
		d.t.Fatal(err)
	}
	return map[string]int{
		"postgres": newDatabase(d.t, d.pg).number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pulsewall'"),
		"mariadb":  newDatabase(d.t, d.maria).number("SELECT count(*) FROM information_schema.processlist WHERE user = '"+servers.User+"'") - 1,
		"redis":    strings.Count(list, "\n") - 1,
	}
}

// TestRealFeedsKilled kills all sources of a program under load and starts them again: clients and the page are told what is wrong and
// how old the records are, then come new ones, and nothing is left over.
func TestRealFeedsKilled(t *testing.T) {
	t.Parallel()
	d := newDying(t)
	ok := func(r reading) bool { return r.Status == "ok" }
	d.all("good", ok)
	before := goroutines(t, &d.p.site)
	d.each(func(s *servers.Server) error { s.Kill(); return nil })
	d.all("stale", func(r reading) bool {
		return r.Status == "stale" && r.Reason == "failed" && r.Error != "" && !strings.Contains(r.Error, servers.Password)
	})
	d.page()
	d.each(func(s *servers.Server) error { return s.Restart(t.Context()) })
	if err := retain(t.Context(), d.broker, "t", "1"); err != nil {
		t.Fatal(err)
	}
	d.all("good", ok)
	eventually(t, 30*time.Second, func() error {
		if now := goroutines(t, &d.p.site); now > before+before/5 {
			return fmt.Errorf("%d goroutines; there were %d", now, before)
		}
		return nil
	})
	most := map[string]int{"postgres": 4, "mariadb": 4, "redis": 8}
	for kind, n := range d.connections() {
		if n < 1 || n > most[kind] {
			t.Errorf("%d connections to %s; want 1 to %d", n, kind, most[kind])
		}
	}
	d.crowd.end()
	if _, err := d.p.stop(syscall.SIGTERM); err != nil {
		t.Errorf("the program ended with %v", err)
	}
	eventually(t, 30*time.Second, func() error {
		for kind, n := range d.connections() {
			if n != 0 {
				return fmt.Errorf("%d connections to %s are left", n, kind)
			}
		}
		return nil
	})
}
