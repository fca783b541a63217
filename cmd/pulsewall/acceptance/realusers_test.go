//go:build unix

package acceptance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/feeds"
	"github.com/pulsewall/pulsewall/feeds/servers"
)

const userFeeds = `
msgFeed: orders
feeds:
  - name: orders
    interval: 2s
    unionId: required
    sql:
      url: "%[1]s"
      query: "SELECT id, item FROM orders WHERE customer = :unionId ORDER BY id LIMIT :limit OFFSET :offset"
      count: "SELECT count(*) FROM orders WHERE customer = :unionId"
  - name: items
    interval: 2s
    unionId: required
    filters: [item]
    fields: [id, item]
    sql: { url: "%[1]s", query: "SELECT id, item FROM orders WHERE customer = :unionId ORDER BY id" }
dashboards:
  - name: wall
    title: Wall
    panels: [{ name: orders, title: Orders, feed: orders }]
`

// attacks are what people write where a number or a name is meant. None of it is to get further than the door.
var attacks = []string{"7 OR 1=1", "7' OR '1'='1", "7; DROP TABLE orders", "'; DROP TABLE orders; --", "7) UNION SELECT 1, 'x'", "7/**/OR/**/1=1",
	`7\' OR 1=1 -- `, "$1", ":unionId", "0x7", "7e0", "٧", "7\x00", "7\nOR 1=1", strings.Repeat("9", 40)}

// TestRealFeedsOfUsers has users whose rows differ see their own, and nobody those of others, whatever they write for a unionId, a page,
// a size, a field or its value, by HTTP and by WebSocket: it is refused, or it is compared with and nothing else. The server's own log
// has the numbers as parameters, and nothing of the attacks.
func TestRealFeedsOfUsers(t *testing.T) {
	t.Parallel()
	var pg *servers.Server
	atOnce(t, serving(t, &pg, servers.Postgres), func() error { build(t); return nil })
	db := newDatabase(t, pg)
	db.exec("CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, item text)",
		"INSERT INTO orders SELECT i, 7, 'of 7' FROM generate_series(1, 25) AS i", "INSERT INTO orders SELECT 100 + i, 8, 'of 8' FROM generate_series(1, 3) AS i",
		"INSERT INTO orders VALUES (200, 9223372036854775807, 'of the last'), (201, -7, 'of the one below')")
	p := start(t, freeAddress(t), nil, "--config", configured(t, fmt.Sprintf(userFeeds, pg.URL()))).ready()
	own := map[string]struct {
		item  string
		total int
	}{"7": {"of 7", 25}, "8": {"of 8", 3}, "9223372036854775807": {"of the last", 1}, "-7": {"of the one below", 1}}
	c := newCrowd(t)
	for id, want := range own {
		for _, transport := range []string{"websocket", "sse"} {
			o := c.look(&p.site, transport, "unionId="+id+"&sub=orders/"+id+"/1/500&sub=items/"+id+"/1/500")
			for _, feed := range []string{"orders", "items"} {
				eventually(t, 30*time.Second, func() error { return onlyOf(o.of(feed), want.item, want.total) })
			}
		}
	}
	for _, attack := range attacks {
		attackByHTTP(t, &p.site, attack)
		attackByMsg(t, &p.site, attack)
	}
	attackBySocket(t, &p.site)
	last := fmt.Sprint("/api/readings?feed=orders&unionId=7&size=500&current=", feeds.MaxCurrent)
	if resp, body := get(t, p.URL+last); resp.StatusCode != http.StatusOK || !strings.Contains(body, `"total":25`) {
		t.Errorf("%s: %s %s; want no records of 25", last, resp.Status, body)
	}
	log := pg.Log()
	bound := []string{fmt.Sprintf("'%d'", 500*(feeds.MaxCurrent-1))} // the offset
	for id := range own {
		bound = append(bound, "$1 = '"+id+"'")
	}
	for _, parameter := range bound {
		if !strings.Contains(log, parameter) {
			t.Errorf("the log has no parameter %s", parameter)
		}
	}
	for _, word := range []string{"1=1", "'1'='1", "DROP TABLE", "UNION", "0x7", "7e0", "٧"} {
		if strings.Contains(log, word) {
			t.Errorf("the log has %s", word)
		}
	}
	if n := db.number("SELECT count(*) FROM orders"); n != 30 {
		t.Errorf("%d orders; want 30", n)
	}
}

// onlyOf says whether a reading is good and has all records of one user.
func onlyOf(r reading, item string, total int) error {
	if r.Status != "ok" || r.Page == nil || r.Page.Total != total || len(r.Page.Records) != total {
		return fmt.Errorf("%+v with %+v; want %d records", r, r.Page, total)
	}
	for _, record := range r.Page.Records {
		if record["item"] != item {
			return fmt.Errorf("%v is among those %s", record, item)
		}
	}
	return nil
}

// attackByHTTP asks for readings, by each address that gives them.
func attackByHTTP(t *testing.T, s *site, attack string) {
	t.Helper()
	a := url.QueryEscape(attack)
	var refused []string
	for _, query := range []string{"feed=orders&unionId=" + a, "feed=orders&unionId=7&current=" + a, "feed=orders&unionId=7&size=" + a,
		"sub=" + url.QueryEscape("orders/"+attack+"/1/10"), "sub=" + url.QueryEscape("orders/7/"+attack+"/10"), "sub=" + url.QueryEscape("orders/7/1/"+attack),
		"sub=" + url.QueryEscape("items/7/1/10;"+url.QueryEscape(attack)+"=x"), "sub=" + url.QueryEscape("items/7/1/10;customer="+url.QueryEscape(attack))} {
		refused = append(refused, "/api/readings?"+query, "/live/poll?wait=0&"+query)
	}
	refused = append(refused, "/d/wall?unionId="+a)
	for _, path := range refused {
		if resp, body := get(t, s.URL+path); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %s; want 400", path, resp.Status, body)
		}
	}
	path := "/api/readings?sub=" + url.QueryEscape("items/7/1/10;item="+url.QueryEscape(attack))
	resp, body := get(t, s.URL+path)
	var r reading
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(body), &r); err != nil || r.Page == nil || r.Page.Total != 0 {
			t.Errorf("%s: %v %s; want nothing", path, err, body)
		}
	} else if resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%s: %s %s; want nothing, or 400", path, resp.Status, body)
	}
}

// attackBySocket subscribes over one WebSocket, which lasts: each is answered by what is wrong with it.
func attackBySocket(t *testing.T, s *site) {
	t.Helper()
	w, err := s.socket(t.Context(), "unionId=7")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	defer within(w, time.Minute)()
	for i, attack := range attacks {
		for k, sub := range []string{"orders/" + attack + "/1/10", "orders/7/1/" + attack, "items/7/1/10;" + url.QueryEscape(attack) + "=x"} {
			ref := fmt.Sprint(i, "-", k)
			op, err := json.Marshal(map[string]string{"op": "subscribe", "ref": ref, "sub": sub})
			if err != nil {
				t.Fatal(err)
			}
			if err := w.send(1, op); err != nil {
				t.Fatal(err)
			}
			if problem := replied(t, w, ref); problem.Status != http.StatusBadRequest {
				t.Errorf("subscribe to %q: %+v; want a problem with 400", sub, problem)
			}
		}
		if i%3 == 2 { // 20 wrong ones in a row would end it
			if err := w.send(1, []byte(`{"op":"ping","ref":"well"}`)); err != nil {
				t.Fatal(err)
			}
			replied(t, w, "well")
		}
	}
}

// attackByMsg is who asks as the pages of another server do.
func attackByMsg(t *testing.T, s *site, attack string) {
	t.Helper()
	w, err := s.socketAt(t.Context(), "/msg")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	defer within(w, time.Minute)()
	for _, key := range []string{"unionId", "current", "size"} {
		ask := map[string]string{"unionId": "7"}
		ask[key] = attack
		text, err := json.Marshal(ask)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.send(1, text); err != nil {
			t.Fatal(err)
		}
		if _, answer, err := w.frame(); err != nil || !strings.HasPrefix(string(answer), `{"error":`) {
			t.Errorf("/msg with %s: %s, %v; want an error", text, answer, err)
		}
	}
}

type problem struct {
	Status int
	Detail string
}

// replied waits for the reply to an op.
func replied(t *testing.T, w *socket, ref string) problem {
	t.Helper()
	for {
		e, err := w.next()
		if err != nil {
			t.Fatalf("waiting for the reply to %s: %v", ref, err)
		}
		var r struct {
			Ref     string
			Problem problem
		}
		if e.Event == "reply" && json.Unmarshal(e.Data, &r) == nil && r.Ref == ref {
			return r.Problem
		}
	}
}
