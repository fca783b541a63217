//go:build unix

package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/feeds/servers"
)

// pushKey is who may push.
const pushKey = "open-sesame-4712"

// household is two nodes of the program as users run it, over a real member, with feeds from real servers.
type household struct {
	t         *testing.T
	nodes     []*site
	pg, maria *database
	broker    *servers.Server
}

// sharedFeeds are those of both nodes, for the URLs of PostgreSQL, MariaDB and a broker, and the key of who pushes.
const sharedFeeds = `
feeds:
  - name: whole-postgres
    interval: 3s
    sql: { url: "%[1]s", query: "SELECT id AS whole_mark FROM people ORDER BY id" }
  - name: paged-postgres
    interval: 3s
    sql:
      url: "%[1]s"
      query: "SELECT id AS paged_mark FROM people ORDER BY id LIMIT :limit OFFSET :offset"
      count: "SELECT count(*) AS count_mark FROM people"
  - name: whole-mariadb
    interval: 3s
    sql: { url: "%[2]s", query: "SELECT id AS whole_mark FROM people ORDER BY id" }
  - name: paged-mariadb
    interval: 3s
    sql:
      url: "%[2]s"
      query: "SELECT id AS paged_mark FROM people ORDER BY id LIMIT :limit OFFSET :offset"
      count: "SELECT count(*) AS count_mark FROM people"
  - name: mail
    interval: 1h
    sql: { url: "%[1]s", query: "SELECT n AS mail_mark FROM mail WHERE owner = :unionId", listen: mail }
  - name: rooms
    interval: 1h
    mqtt: { url: "%[3]s", topics: [rooms/+] }
  - name: jobs
    push: { key: %[4]s }
`

func newHousehold(t *testing.T) *household {
	t.Helper()
	var pg, maria, broker *servers.Server
	var m *member.Member
	atOnce(t, serving(t, &pg, servers.Postgres), serving(t, &maria, servers.MariaDB), serving(t, &broker, servers.Mosquitto), func() (err error) {
		if m, err = member.Start(t.Context(), member.Options{}); err == nil {
			t.Cleanup(m.Close)
		}
		return err
	}, func() error { build(t); return nil })
	h := &household{t: t, pg: newDatabase(t, pg), maria: newDatabase(t, maria), broker: broker}
	var rows []string
	for i := range 135 {
		rows = append(rows, fmt.Sprintf("(%d)", i))
	}
	for _, d := range []*database{h.pg, h.maria} {
		d.exec("CREATE TABLE people (id INTEGER PRIMARY KEY)", "INSERT INTO people VALUES "+strings.Join(rows, ","))
	}
	h.pg.exec("CREATE TABLE mail (owner bigint, n bigint)", "INSERT INTO mail VALUES (7, 0), (8, 0)")
	path := configured(t, fmt.Sprintf(sharedFeeds, pg.URL(), maria.URL(), broker.URL(), pushKey))
	var processes []*process
	for _, name := range []string{"red", "blue"} {
		p := start(t, freeAddress(t), nil, "--node", name, "--cluster", "hazelcast://"+m.Addr()+"/pulsewall", "--config", path)
		processes, h.nodes = append(processes, p), append(h.nodes, &p.site)
	}
	for _, p := range processes {
		p.ready()
	}
	together(t, h.nodes)
	return h
}

// TestRealFeedsOnTwoNodes has two nodes share feeds from real servers: each thing is asked once for both, and what comes by itself
// is shown on the node that did not get it.
func TestRealFeedsOnTwoNodes(t *testing.T) {
	t.Parallel()
	h := newHousehold(t)
	for name, test := range map[string]func(*household){"statements": (*household).crowded, "push": (*household).pushed, "mqtt": (*household).published, "notify": (*household).notified} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&household{t: t, nodes: h.nodes, pg: h.pg.in(t), maria: h.maria.in(t), broker: h.broker})
		})
	}
}

// crowded has 30 users on both nodes look at 30 pages of each table: a table that is read whole costs one statement an interval, one
// that the database cuts one statement and one count for each page.
func (h *household) crowded() {
	const users, rounds = 30, 2
	tables := []string{"whole-postgres", "paged-postgres", "whole-mariadb", "paged-mariadb"}
	c := newCrowd(h.t)
	var list []*onlooker
	for i := range users {
		query := fmt.Sprint("unionId=", i+1)
		for _, feed := range tables {
			query += fmt.Sprintf("&sub=%s/-/%d/4", feed, i+1)
		}
		list = append(list, c.look(h.nodes[i%2], []string{"websocket", "sse"}[i/2%2], query))
	}
	for i, o := range list {
		for _, feed := range tables {
			eventually(h.t, 30*time.Second, func() error {
				if n := o.versions(feed); n < rounds {
					return fmt.Errorf("user %d has %d good readings of %s: %+v; want %d", i+1, n, feed, o.of(feed), rounds)
				}
				kind, _, _ := strings.Cut(feed, "-")
				return o.shows(feed, kind+"_mark", 4*i)
			})
		}
	}
	for name, d := range map[string]*database{"postgres": h.pg, "mariadb": h.maria} {
		whole, pages := make(map[int64]bool), 0
		for _, o := range list {
			pages += o.versions("paged-" + name)
			o.mu.Lock()
			for v := range o.good["whole-"+name] {
				whole[v] = true
			}
			o.mu.Unlock()
		}
		// A poll may have asked, and its reading not have come yet.
		for mark, want := range map[string]struct{ readings, underway int }{"whole_mark": {len(whole), 1}, "paged_mark": {pages, users}, "count_mark": {pages, users}} {
			if n := d.statements(mark); n < want.readings || n > want.readings+want.underway {
				h.t.Errorf("the log of %s has %d statements with %s; want %d, as many as readings, or as many more as are polled at a time", name, n, mark, want.readings)
			}
		}
	}
}

// both has a client on each node.
func (h *household) both(query string) []*onlooker {
	c := newCrowd(h.t)
	return []*onlooker{c.look(h.nodes[0], "websocket", query), c.look(h.nodes[1], "sse", query)}
}

// seenByAll waits until all show a value, and tells how long that took.
func (h *household) seenByAll(list []*onlooker, feed, field string, want any) {
	h.t.Helper()
	began := time.Now()
	for _, o := range list {
		eventually(h.t, 30*time.Second, func() error { return o.shows(feed, field, want) })
	}
	h.t.Logf("%s %v is on both nodes after %v", field, want, time.Since(began).Round(time.Millisecond))
}

// pushed posts to one node after the other, and wants it on both.
func (h *household) pushed() {
	list := h.both("sub=jobs")
	for i := range 4 {
		h.post(h.nodes[i%2], fmt.Sprintf(`[{"id":"nightly","run":%d}]`, i))
		h.seenByAll(list, "jobs", "run", i)
	}
}

func (h *household) post(s *site, records string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, s.URL+"/api/feeds/jobs", strings.NewReader(records))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+pushKey)
	resp, err := clients.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusAccepted {
		h.t.Fatalf("%s: %s", resp.Status, body)
	}
}

// published tells the broker, and wants it on both nodes long before the interval is over.
func (h *household) published() {
	list := h.both("sub=rooms")
	for i := range 4 {
		if err := retain(h.t.Context(), h.broker, "rooms/hall", fmt.Sprint(20+i)); err != nil {
			h.t.Fatal(err)
		}
		h.seenByAll(list, "rooms", "value", 20+i)
	}
}

// notified changes rows and has PostgreSQL notify: the reading of the user whose rows they are is new on both nodes, and that of
// another user stays what it was. The nodes are told both, and one of them asks.
func (h *household) notified() {
	const notices = 4
	sevens, eights := h.both("sub=mail/7"), h.both("sub=mail/8")
	h.seenByAll(sevens, "mail", "mail_mark", 0)
	h.seenByAll(eights, "mail", "mail_mark", 0)
	eventually(h.t, 30*time.Second, func() error {
		if n := h.pg.number("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'"); n != 2 {
			return fmt.Errorf("%d connections listen; want one of each node", n)
		}
		return nil
	})
	pass(h.t, time.Second) // what connecting has woken is over
	before, other := h.pg.statements("mail_mark"), eights[0].of("mail").Version
	for i := range notices {
		h.pg.exec(fmt.Sprint("UPDATE mail SET n = ", i+1), "NOTIFY mail, '7'")
		h.seenByAll(sevens, "mail", "mail_mark", i+1)
	}
	pass(h.t, time.Second) // in which the other node would ask as well
	// A node that is told after it has got the reading cannot know that it is the same news.
	if n := h.pg.statements("mail_mark") - before; n < notices || n > 2*notices {
		h.t.Errorf("%d statements for %d notices; want one each, two at most", n, notices)
	}
	for _, o := range eights {
		if r := o.of("mail"); r.Version != other {
			h.t.Errorf("the reading of user 8 is new: %+v; want that of before, %d", r, other)
		}
	}
}
