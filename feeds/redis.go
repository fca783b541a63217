package feeds

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisOptions name one key of a Redis server: a hash, a list, a stream or a sorted set. {unionId} in the key stands for the
// user, and makes the feed one of each user's own.
type RedisOptions struct {
	URL       Secret `yaml:"url,omitempty"`       // redis://user:password@host:6379/0; with TLS rediss://
	Hash      string `yaml:"hash,omitempty"`      // a record for each field
	List      string `yaml:"list,omitempty"`      // a record for each element, from the left
	Stream    string `yaml:"stream,omitempty"`    // a record for each entry, the newest first
	SortedSet string `yaml:"sortedSet,omitempty"` // a record for each member, the highest score first
	Ascending bool   `yaml:"ascending,omitempty"` // of a sorted set: the lowest score first
	Most      int    `yaml:"most,omitempty"`      // fields of a hash, which may not have more, or newest entries of a stream; 1 to 10,000; default 1,000
	CA        string `yaml:"ca,omitempty"`        // certificates to trust, as PEM; default: those of the system
}

const (
	defaultMost  = 1000
	redisPool    = 8
	redisTimeout = 5 * time.Second // of a connection, and of an answer, where the poll does not end before
	redisScan    = 500             // fields of a hash asked for at a time
	mostReply    = 16 << 20        // bytes of an answer
)

// Redis is a Source that reads one key. Lists and sorted sets are read by the page.
type Redis struct {
	opts   RedisOptions
	kind   string
	key    string
	where  string // the server, for people
	client *redis.Client
}

// quiet takes what the library logs by itself: its errors come back from its calls as well.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

// NewRedis checks the options; it does not connect. The caller must Close it. Errors are a *OptionError.
func NewRedis(o RedisOptions) (*Redis, error) {
	r := &Redis{opts: o}
	for _, k := range []struct{ kind, key string }{{"hash", o.Hash}, {"list", o.List}, {"stream", o.Stream}, {"sortedSet", o.SortedSet}} {
		switch {
		case k.key == "":
		case r.key != "":
			return nil, &OptionError{Key: k.kind, Problem: fmt.Sprintf("there is a %s as well: want one key", r.kind)}
		default:
			r.kind, r.key = k.kind, k.key
		}
	}
	if r.key == "" {
		return nil, &OptionError{Key: "hash", Problem: "missing: want the key of a hash, or list, stream or sortedSet with one"}
	}
	if rest := strings.ReplaceAll(r.key, userPlace, ""); strings.Contains(rest, "{union") {
		return nil, &OptionError{Key: r.kind, Problem: fmt.Sprintf("%s: the place of the user is written {unionId}", quote(r.key))}
	}
	if o.Ascending && o.SortedSet == "" {
		return nil, &OptionError{Key: "ascending", Problem: "true: only a sortedSet has an order to choose"}
	}
	r.opts.Most = cmp.Or(o.Most, defaultMost)
	if r.opts.Most < 1 || r.opts.Most > mostRecords {
		return nil, &OptionError{Key: "most", Problem: fmt.Sprintf("%d: 1 to %d is allowed", o.Most, mostRecords)}
	}
	return r, r.prepare()
}

// userPlace is where the unionId goes.
const userPlace = "{unionId}"

func (r *Redis) prepare() error {
	opts, err := redis.ParseURL(r.opts.URL.Reveal())
	if err != nil {
		// Not what the library says: of a password with a sign that ends it, that has a part.
		return &OptionError{Key: "url", Problem: "want redis://user:password@host:6379/0, or rediss:// with TLS, with % for signs that have a meaning in URLs (%40 for @)"} // #nosec G101 -- no password, but where one stands
	}
	if opts.TLSConfig != nil {
		name := opts.TLSConfig.ServerName
		if opts.TLSConfig, err = Trusting("ca", r.opts.CA); err != nil {
			return err
		}
		opts.TLSConfig.ServerName = name
	} else if r.opts.CA != "" {
		return &OptionError{Key: "ca", Problem: "there is no TLS without rediss:// in url"}
	}
	r.where = opts.Addr
	redis.SetLogger(quiet{})
	opts.PoolSize, opts.MaxActiveConns = redisPool, redisPool
	opts.DialTimeout, opts.ReadTimeout, opts.WriteTimeout = redisTimeout, redisTimeout, redisTimeout
	opts.ContextTimeoutEnabled, opts.DisableIdentity = true, true
	opts.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	opts.Dialer = dialRedis(opts.TLSConfig)
	r.client = redis.NewClient(opts)
	return nil
}

// dialRedis connects, and bounds the answers.
func dialRedis(secure *tls.Config) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialer := &net.Dialer{Timeout: redisTimeout, KeepAlive: time.Minute}
		var conn net.Conn
		var err error
		if secure != nil {
			conn, err = (&tls.Dialer{NetDialer: dialer, Config: secure}).DialContext(ctx, network, addr)
		} else {
			conn, err = dialer.DialContext(ctx, network, addr)
		}
		if err != nil {
			return nil, err
		}
		return &boundedConn{Conn: conn}, nil
	}
}

var errLargeReply = fmt.Errorf("the answer is larger than %d MiB; ask for smaller pages, or have less in the key", mostReply>>20)

// boundedConn ends a connection whose answer is too large. It is used by one goroutine at a time.
type boundedConn struct {
	net.Conn
	read int
}

func (c *boundedConn) Write(p []byte) (int, error) {
	c.read = 0
	return c.Conn.Write(p)
}

func (c *boundedConn) Read(p []byte) (int, error) {
	if c.read >= mostReply {
		return 0, errLargeReply
	}
	n, err := c.Conn.Read(p[:min(len(p), mostReply-c.read)])
	c.read += n
	return n, err
}

// Describe says which fields the records surely have.
func (r *Redis) Describe() Description {
	d := Description{Whole: r.kind == "hash" || r.kind == "stream", PerUser: strings.Contains(r.key, userPlace)}
	switch r.kind {
	case "hash":
		d.ID = "field"
	case "list":
		d.ID = "position"
	case "stream":
		d.ID, d.Time = "id", "at"
	}
	return d
}

// Close ends the connections.
func (r *Redis) Close() error { return r.client.Close() }

// Poll reads the key, or a page of it.
func (r *Redis) Poll(ctx context.Context, q Query) (Result, error) {
	key, err := r.keyOf(q.UnionID)
	if err != nil {
		return Result{}, err
	}
	read := map[string]func(context.Context, string, Query) (Result, error){
		"hash": r.hash, "list": r.list, "stream": r.stream, "sortedSet": r.sortedSet,
	}[r.kind]
	res, err := read(ctx, key, q)
	if err != nil {
		return Result{}, r.explain(key, err)
	}
	return res, nil
}

// keyOf puts the user, which is nothing but digits with or without a minus, into the key.
func (r *Redis) keyOf(unionID string) (string, error) {
	if !strings.Contains(r.key, userPlace) {
		return r.key, nil
	}
	id, err := ParseUnionID(unionID)
	if err != nil {
		return "", err
	}
	if id == "" {
		return "", fmt.Errorf("unionId is missing; each user has a key of their own, so name one, as in feed/7")
	}
	return strings.ReplaceAll(r.key, userPlace, id), nil
}

func (r *Redis) hash(ctx context.Context, key string, _ Query) (Result, error) {
	n, err := r.client.HLen(ctx, key).Result()
	if err != nil {
		return Result{}, err
	}
	fields := make(map[string]string, min(int(n), r.opts.Most))
	for cursor, more := uint64(0), true; more; more = cursor != 0 {
		if int(n) > r.opts.Most || len(fields) > r.opts.Most {
			return Result{}, fmt.Errorf("the hash has more than %d fields; raise most, to %d at most, or have fewer", r.opts.Most, mostRecords)
		}
		var list []string
		if list, cursor, err = r.client.HScan(ctx, key, cursor, "", redisScan).Result(); err != nil {
			return Result{}, err
		}
		for pair := range slices.Chunk(list, 2) { // one may come twice
			fields[pair[0]] = pair[1]
		}
	}
	var out Result
	for field, text := range fields {
		record := Record{"field": field}
		addValue(record, "value", text)
		out.Records = append(out.Records, record)
	}
	slices.SortFunc(out.Records, func(a, b Record) int { return cmp.Compare(a["field"].(string), b["field"].(string)) })
	return out, nil
}

func (r *Redis) list(ctx context.Context, key string, q Query) (Result, error) {
	var total *redis.IntCmd
	var page *redis.StringSliceCmd
	_, err := r.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		total, page = p.LLen(ctx, key), p.LRange(ctx, key, int64(q.Offset), int64(q.Offset+q.Limit-1))
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	out := Result{Total: int(total.Val())}
	for i, text := range page.Val() {
		record := Record{"position": q.Offset + i + 1}
		addValue(record, "value", text)
		out.Records = append(out.Records, record)
	}
	return out, nil
}

func (r *Redis) sortedSet(ctx context.Context, key string, q Query) (Result, error) {
	var total *redis.IntCmd
	var page *redis.ZSliceCmd
	_, err := r.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		total = p.ZCard(ctx, key)
		if first, last := int64(q.Offset), int64(q.Offset+q.Limit-1); r.opts.Ascending {
			page = p.ZRangeWithScores(ctx, key, first, last)
		} else {
			page = p.ZRevRangeWithScores(ctx, key, first, last)
		}
		return nil
	})
	if err != nil {
		return Result{}, err
	}
	out := Result{Total: int(total.Val())}
	for i, z := range page.Val() {
		record := Record{"rank": q.Offset + i + 1, "score": z.Score}
		addValue(record, "member", fmt.Sprint(z.Member))
		out.Records = append(out.Records, record)
	}
	return out, nil
}

func (r *Redis) stream(ctx context.Context, key string, _ Query) (Result, error) {
	entries, err := r.client.XRevRangeN(ctx, key, "+", "-", int64(r.opts.Most)).Result()
	if err != nil {
		return Result{}, err
	}
	var out Result
	for _, e := range entries {
		record := Record{"id": e.ID}
		ms, _, _ := strings.Cut(e.ID, "-")
		if n, err := strconv.ParseInt(ms, 10, 64); err == nil {
			record["at"] = time.UnixMilli(n)
		}
		for field, value := range e.Values {
			if _, taken := record[field]; !taken {
				record[field] = scalar(fmt.Sprint(value))
			}
		}
		out.Records = append(out.Records, record)
	}
	return out, nil
}
