//go:build unix

package feeds

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

func TestMisfitsFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	at := func(path string) Source { return mustMap(t, newTestFile(t, FileOptions{Path: path}), valued) }
	fifo := filepath.Join(dir, "fifo.csv")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	changing := file("changing.csv", "id,v\na,1\n")
	wantMisfits(t, []misfit{
		{name: "slow", source: at(fifo), want: "is no regular file"},
		{name: "10 MB", source: at(file("ten.csv", "id,v\n"+strings.Repeat("a,1\n", 10<<20/4))), want: "has more than 8388608 bytes; raise maxBytes, or show its tail"},
		{name: "a record of 2 MB", source: at(file("record.csv", "id,v\n"+strings.Repeat("x", 2<<20)+",1\n")), want: "gave a record of 20971"},
		{name: "no numbers", source: at(file("nan.csv", "id,v\na,NaN\nb,n/a\nc,\nd,1\n")), want: `ok 4: 2 values of "v" are no number, such as "NaN".`},
		{name: "invalid UTF-8", source: at(file("utf8.csv", "id,v\n\xff,1\n")), want: "is not UTF-8 at line 2, column 1"},
		{name: "nothing", source: at(file("empty.csv", "")), want: "is empty: not even a row"},
		{name: "no records", source: at(file("none.csv", "id,v\n")), want: "ok 0: "},
		{name: "another shape", want: `stale 1:  No record has the field "id"; there are: ident, w.`, source: onSecondPoll(at(changing), func() {
			if err := os.WriteFile(changing, []byte("ident,w\nlonger than before,2\n"), 0o600); err != nil {
				t.Error(err)
			}
		})},
	})
}

// changed does something before the second poll of a source.
type changed struct {
	Source
	change func()
	polls  atomic.Int32
}

func onSecondPoll(s Source, change func()) Source { return &changed{Source: s, change: change} }

func (c *changed) Poll(ctx context.Context, q Query) (Result, error) {
	if c.polls.Add(1) == 2 {
		c.change()
	}
	return c.Source.Poll(ctx, q)
}

func TestMisfitsSQL(t *testing.T) {
	t.Parallel()
	lite, postgres, maria := newSQLDatabase(t, "sqlite"), newSQLDatabase(t, "postgres"), newSQLDatabase(t, "mysql")
	changing := newSQLDatabase(t, "sqlite") // one that is read cannot be changed
	changing.exec("CREATE TABLE changing (id INTEGER, v INTEGER)", "INSERT INTO changing VALUES (1, 2)")
	lite.exec("CREATE TABLE there (id INTEGER)") // there is no file before
	const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n%s) SELECT i AS id FROM n"
	at := func(d *sqlDatabase, query string) Source { return d.source(SQLOptions{Query: query}) }
	wantMisfits(t, []misfit{
		{name: "slow", source: at(lite, fmt.Sprintf("SELECT max(id) AS m FROM ("+rows+")", "")), want: "did not answer within 1.6s | took longer than the poll may"},
		{name: "slow PostgreSQL", source: at(postgres, "SELECT 1 AS id FROM pg_sleep(60)"), want: "did not answer within 1.6s | took longer than the poll may"},
		{name: "slow MariaDB", source: at(maria, "SELECT SLEEP(60) AS id"), want: "did not answer within 1.6s | took longer than the poll may"},
		{name: "huge", source: at(lite, fmt.Sprintf(rows, "")), want: "more than 10000 rows; add LIMIT :limit OFFSET :offset, or raise maxRows"},
		{name: "10 MB", source: at(lite, "SELECT hex(zeroblob(5242880)) AS v"), want: "he rows hold more than 8388608 bytes; select fewer or shorter columns, or raise maxBytes"},
		{name: "a record of 2 MB", source: at(lite, "SELECT hex(zeroblob(1048576)) AS v"), want: "he source gave a record of 20971"},
		{name: "infinite", source: at(lite, "SELECT 1 AS id, 9e999 AS v"), want: `ok 1: 1 value of "v" is no finite number: +Inf.`},
		{name: "NaN", source: at(postgres, "SELECT 1 AS id, 'NaN'::float8 AS v, 'NaN'::numeric AS w"), want: `ok 1: 1 value of "v" is no finite number: NaN; 1 value of "w" is no finite number: NaN.`},
		{name: "no numbers", source: mustMap(t, at(maria, "SELECT 1 AS id, 'n/a' AS v"), valued), want: `ok 1: 1 value of "v" is no number: "n/a".`},
		{name: "invalid UTF-8", source: at(lite, "SELECT CAST(x'61ff' AS TEXT) AS id"), want: "ok 1: "},
		{name: "nothing", source: at(lite, "SELECT 1 AS id WHERE 0"), want: "ok 0: "},
		{name: "total", source: lite.source(SQLOptions{Query: "SELECT 1 AS id LIMIT :limit OFFSET :offset", Count: "SELECT -5"}), want: "ok 1: "},
		{name: "no total", source: lite.source(SQLOptions{Query: "SELECT 1 AS id LIMIT :limit OFFSET :offset", Count: "SELECT 'many'"}), want: "he count gave no number; one row with one number is needed"},
		{name: "another shape", want: "stale 1:  ", source: onSecondPoll(at(changing, "SELECT id, v FROM changing"), func() {
			changing.exec("ALTER TABLE changing RENAME COLUMN v TO w")
		})},
	})
}

func TestMisfitsRedis(t *testing.T) {
	t.Parallel()
	server, client := startRedis(t)
	ctx, url := t.Context(), Secret(server.URL())
	for _, err := range []error{
		client.RPush(ctx, "huge", strings.Repeat("x", mostReply+1<<20)).Err(), client.RPush(ctx, "ten", strings.Repeat("x", 10<<20)).Err(),
		client.RPush(ctx, "utf8", "a\xffb").Err(), client.RPush(ctx, "nan", `{"id":1,"v":"NaN"}`, `{"id":2,"v":3}`).Err(),
		client.ZAdd(ctx, "scores", redis.Z{Score: 1, Member: "a"}).Err(), client.Do(ctx, "ZADD", "scores", "+inf", "b").Err(),
		client.RPush(ctx, "changing", 1).Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func(key string) Source { return newRedis(t, RedisOptions{URL: url, List: key}) }
	wantMisfits(t, []misfit{
		{name: "slow", source: newRedis(t, RedisOptions{URL: Secret("redis://" + mute(t)), List: "l"}), want: "did not answer"},
		{name: "huge", source: list("huge"), want: "he answer is larger than 16 MiB; ask for smaller pages"},
		{name: "10 MB", source: list("ten"), want: "he source gave a record of 10485"},
		{name: "infinite", source: newRedis(t, RedisOptions{URL: url, SortedSet: "scores"}), want: `ok 2: 1 value of "score" is no finite number: +Inf.`},
		{name: "no numbers", source: mustMap(t, list("nan"), valued), want: `ok 2: 1 value of "v" is no number: "NaN".`},
		{name: "invalid UTF-8", source: list("utf8"), want: "ok 1: "},
		{name: "nothing", source: list("none"), want: "ok 0: "},
		{name: "another shape", want: `stale 1:  What is at "changing" is no list; name the key with the option of its kind`, source: onSecondPoll(list("changing"), func() {
			if err := client.Del(ctx, "changing").Err(); err != nil {
				t.Error(err)
			}
			if err := client.HSet(ctx, "changing", "a", 1).Err(); err != nil {
				t.Error(err)
			}
		})},
	})
}

// mute is the address of a server that takes connections and says nothing.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // the kernel takes them
	return l.Addr().String()
}

func TestMisfitsMQTT(t *testing.T) {
	t.Parallel()
	server := startBroker(t)
	kept := func(topic, payload string) {
		t.Helper()
		p := msg(topic, payload)
		p.Retain = true
		mustTell(t, server, p)
	}
	kept("utf8/a", "a\xffb")
	kept("nan/a", `{"id":1,"v":"NaN"}`)
	kept("large/a", strings.Repeat("x", 100<<10))
	at := func(topic string) Source { return newMQTT(t, server, MQTTOptions{Topics: []string{topic}}) }
	deaf, err := NewMQTT(MQTTOptions{URL: Secret("mqtt://" + mute(t)), Topics: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	wantMisfits(t, []misfit{
		{name: "slow", source: deaf, want: "did not answer"},
		{name: "100 KB", source: at("large/+"), want: `ok 0: The newest message of topic "large/a" has more than 65536 bytes and is not taken; raise maxBytes.`},
		{name: "no numbers", source: mustMap(t, at("nan/+"), valued), want: `ok 1: 1 value of "v" is no number: "NaN".`},
		{name: "invalid UTF-8", source: at("utf8/+"), want: "ok 1: "},
		{name: "nothing", source: at("none/+"), want: "ok 0: "},
	})
}
