//go:build unix

package feeds

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/pulsewall/pulsewall/feeds/servers"
)

// within is how long a test waits for what has to come.
const within = 60 * time.Second

// shows says whether the newest reading has a status and that many records.
func shows(r *rig, sub Subscription, status Status, records int) error {
	list := r.readings(sub)
	if len(list) == 0 {
		return errors.New("no reading")
	}
	n := -1
	last := list[len(list)-1]
	if last.Page != nil {
		n = last.Page.Total
	}
	if last.Status != status || n != records {
		return fmt.Errorf("%s: %s with %d records, %q; want %s with %d", sub, last.Status, n, last.Error, status, records)
	}
	return nil
}

func startRedis(t *testing.T) (*servers.Server, *redis.Client) {
	t.Helper()
	server, err := servers.Redis(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	opts, err := redis.ParseURL(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(opts)
	t.Cleanup(func() { _ = client.Close() })
	return server, client
}

func newRedis(t *testing.T, o RedisOptions) *Redis {
	t.Helper()
	r, err := NewRedis(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestRedisReadsEachKind(t *testing.T) {
	t.Parallel()
	server, client := startRedis(t)
	ctx, url := t.Context(), Secret(server.URL())
	for _, user := range []string{"7", "-8"} {
		pipe := client.Pipeline()
		pipe.HSet(ctx, "h:"+user, "b", "1.5", "a", `{"price":12,"field":"mine","user":`+user+`}`, "text", "007", "bad", "{")
		for i := range 25 {
			pipe.RPush(ctx, "l:"+user, fmt.Sprintf(`{"n":%d,"user":%s}`, i, user))
			pipe.ZAdd(ctx, "z:"+user, redis.Z{Score: float64(i) / 2, Member: fmt.Sprintf("m%02d of %s", i, user)})
			pipe.XAdd(ctx, &redis.XAddArgs{Stream: "s:" + user, ID: fmt.Sprintf("%d-0", 1_600_000_000_000+i), Values: []any{"n", i, "user", user}})
		}
		if _, err := pipe.Exec(ctx); err != nil {
			t.Fatal(err)
		}
	}
	at := func(i int) time.Time { return time.UnixMilli(int64(1_600_000_000_000 + i)) }
	for _, tt := range []struct {
		o     RedisOptions
		q     Query
		total int
		want  []Record
	}{
		{RedisOptions{Hash: "h:{unionId}"}, Query{UnionID: "7"}, 0, []Record{
			{"field": "a", "price": int64(12), "user": int64(7)}, {"field": "b", "value": 1.5}, {"field": "bad", "value": "{"}, {"field": "text", "value": "007"},
		}},
		{RedisOptions{List: "l:{unionId}"}, Query{UnionID: "-8", Offset: 10, Limit: 2}, 25, []Record{
			{"position": 11, "n": int64(10), "user": int64(-8)}, {"position": 12, "n": int64(11), "user": int64(-8)},
		}},
		{RedisOptions{List: "l:7"}, Query{Offset: 24, Limit: 10}, 25, []Record{{"position": 25, "n": int64(24), "user": int64(7)}}},
		{RedisOptions{List: "l:7"}, Query{Offset: 30, Limit: 10}, 25, nil},
		{RedisOptions{SortedSet: "z:{unionId}"}, Query{UnionID: "7", Offset: 1, Limit: 2}, 25, []Record{
			{"rank": 2, "score": 11.5, "member": "m23 of 7"}, {"rank": 3, "score": 11.0, "member": "m22 of 7"},
		}},
		{RedisOptions{SortedSet: "z:{unionId}", Ascending: true}, Query{UnionID: "-8", Limit: 1}, 25, []Record{{"rank": 1, "score": 0.0, "member": "m00 of -8"}}},
		{RedisOptions{Stream: "s:{unionId}", Most: 2}, Query{UnionID: "7"}, 0, []Record{
			{"id": "1600000000024-0", "at": at(24), "n": int64(24), "user": int64(7)}, {"id": "1600000000023-0", "at": at(23), "n": int64(23), "user": int64(7)},
		}},
		{RedisOptions{Hash: "none"}, Query{}, 0, nil}, {RedisOptions{List: "none"}, Query{Limit: 10}, 0, nil},
		{RedisOptions{SortedSet: "none"}, Query{Limit: 10}, 0, nil}, {RedisOptions{Stream: "none"}, Query{}, 0, nil},
	} {
		tt.o.URL = url
		r := newRedis(t, tt.o)
		got, err := r.Poll(ctx, tt.q)
		if diff := cmp.Diff(tt.want, got.Records); err != nil || got.Total != tt.total || diff != "" {
			t.Errorf("%s %s: %v, total %d; want %d; -want +got:\n%s", r.kind, r.key, err, got.Total, tt.total, diff)
		}
	}
}

func TestRedisRefusesWithAReason(t *testing.T) {
	t.Parallel()
	server, client := startRedis(t)
	ctx, url := t.Context(), Secret(server.URL())
	wide := make([]any, 0, 4002)
	for i := range 2001 {
		wide = append(wide, i, i)
	}
	for _, err := range []error{
		client.HSet(ctx, "wide", wide...).Err(), client.RPush(ctx, "large", strings.Repeat("x", mostReply+1<<20), "small").Err(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		o    RedisOptions
		q    Query
		want string
	}{
		{RedisOptions{Hash: "large"}, Query{}, `what is at "large" is no hash`},
		{RedisOptions{Hash: "wide"}, Query{}, "more than 1000 fields"},
		{RedisOptions{List: "large"}, Query{Limit: 1}, "larger than 16 MiB"},
		{RedisOptions{List: "of:{unionId}"}, Query{UnionID: "*", Limit: 1}, "unionId"},
		{RedisOptions{List: "of:{unionId}"}, Query{Limit: 1}, "unionId is missing"},
	} {
		tt.o.URL = url
		if _, err := newRedis(t, tt.o).Poll(ctx, tt.q); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v; want %s", tt.q, err, tt.want)
		}
	}
	large := newRedis(t, RedisOptions{URL: url, List: "large"})
	_, _ = large.Poll(ctx, Query{Limit: 1}) // too large, as seen above
	if got, err := large.Poll(ctx, Query{Offset: 1, Limit: 1}); err != nil || len(got.Records) != 1 {
		t.Errorf("after an answer that was too large: %v, %d records", err, len(got.Records))
	}
	secret := Secret(strings.Replace(server.URL(), servers.Password, "wrong-"+servers.Password, 1))
	_, err := newRedis(t, RedisOptions{URL: secret, List: "l"}).Poll(ctx, Query{Limit: 1})
	if err == nil || strings.Contains(err.Error(), servers.Password) {
		t.Errorf("a wrong password: %v; want an error that does not tell it", err)
	}
}

func TestRedisOptionsAreChecked(t *testing.T) {
	const url = "redis://:open-sesame@localhost:6379"
	for _, tt := range []struct {
		o    RedisOptions
		want string
	}{
		{RedisOptions{URL: url}, "hash"}, {RedisOptions{URL: url, Hash: "a", List: "b"}, "list"}, {RedisOptions{URL: url, Hash: "a", Ascending: true}, "ascending"},
		{RedisOptions{URL: url, Hash: "a:{unionID}"}, "hash"}, {RedisOptions{URL: url, Stream: "a", Most: 20_000}, "most"}, {RedisOptions{Hash: "a"}, "url"},
		{RedisOptions{URL: "redis://:sesame#open@x", Hash: "a"}, "url"}, {RedisOptions{URL: "redis://:sesame/open@x:6379/0", Hash: "a"}, "url"},
		{RedisOptions{URL: "redis://x:6379/sesame@y", Hash: "a"}, "url"}, {RedisOptions{URL: `redis://:ses"ame%zz@x`, Hash: "a"}, "url"},
		{RedisOptions{URL: "http://open-sesame@x", Hash: "a"}, "url"}, {RedisOptions{URL: "redis://:open-sesame@x:y:z", Hash: "a"}, "url"},
		{RedisOptions{URL: url, Hash: "a", CA: "x"}, "ca"}, {RedisOptions{URL: "rediss://x", Hash: "a", CA: "/none"}, "ca"},
	} {
		_, err := NewRedis(tt.o)
		var wrong *OptionError
		if !errors.As(err, &wrong) || wrong.Key != tt.want || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "ame%zz") {
			t.Errorf("%+v: %v; want one of %s, without the password", tt.o, err, tt.want)
		}
	}
}

// TestRedisKilledAndStartedAgain has many read all the time.
func TestRedisKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	server, client := startRedis(t)
	for user := range 20 {
		if err := client.RPush(t.Context(), fmt.Sprint("l:", user), 1, 2, 3).Err(); err != nil {
			t.Fatal(err)
		}
	}
	src := newRedis(t, RedisOptions{URL: Secret(server.URL()), List: "l:{unionId}"})
	r := startRig(t, Options{}, Feed{Name: "a", Source: src, Interval: time.Second})
	defer r.stop()
	var subs []Subscription
	for user := range 20 {
		sub, _ := r.watch(fmt.Sprintf("a/%d/1/2", user))
		subs = append(subs, sub)
	}
	done := make(chan struct{})
	var load sync.WaitGroup
	defer load.Wait()
	defer close(done)
	for range 4 {
		load.Go(func() {
			for ; ; <-time.After(time.Millisecond) {
				select {
				case <-done:
					return
				default:
					_, _ = src.Poll(t.Context(), Query{UnionID: "1", Limit: 2}) // it fails while the server is away
				}
			}
		})
	}
	all := func(status Status) func() error {
		return func() error {
			for _, sub := range subs {
				if err := shows(r, sub, status, 3); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for range 2 {
		eventually(t, all(OK))
		server.Kill()
		eventually(t, all(Stale))
		if got := r.last(subs[0]); strings.Contains(got.Error, servers.Password) || got.Reason != ReasonFailed {
			t.Errorf("%s: %s", got.Reason, got.Error)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, all(OK))
}
