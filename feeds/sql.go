package feeds

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"
)

// Bounds of a SQL source.
const (
	defaultSQLRows    = 10_000
	maxSQLRows        = MaxRecords
	defaultSQLBytes   = 8 << 20
	maxSQLBytes       = MaxTableBytes
	defaultSQLTimeout = 10 * time.Second
	defaultSQLConns   = 4
	maxSQLConns       = 100
	longestChannel    = 63
)

// The types as which a unionId is bound.
const (
	unionIDInteger = "integer"
	unionIDText    = "text"
)

// SQLOptions say what a SQL source asks of which database.
type SQLOptions struct {
	// URL is postgres://user:password@host/database, mysql://user:password@host/database (also of MariaDB) or sqlite:file.
	URL Secret `yaml:"url"`
	// Query is one statement. It may name :unionId (then each user has records of their own), and both :limit and :offset
	// (then the database cuts the pages; otherwise it gives the whole table at once). Each is bound, never pasted.
	Query string `yaml:"query"`
	// Count is a statement that gives the number of all records, for a query with :limit. It may name :unionId.
	Count string `yaml:"count,omitempty"`
	// Window names the column of the query that holds this number instead: count(*) over () as total.
	Window string `yaml:"window,omitempty"`
	// MaxRows is how many rows a query without :limit may give; more are an error. The default is 10,000.
	MaxRows int `yaml:"maxRows,omitempty"`
	// MaxBytes is how much all rows of a poll may hold; more is an error. The default is 8 MiB.
	MaxBytes int `yaml:"maxBytes,omitempty"`
	// Timeout ends a poll that the interval would let go on. The default is 10 s.
	Timeout time.Duration `yaml:"timeout,omitempty"`
	// MaxConnections is how many connections all feeds of this URL may have together, 1 to 100; of several feeds the largest
	// number counts. Those that listen need one more together. The default is 4.
	MaxConnections int `yaml:"maxConnections,omitempty"`
	// UnionIDType is the type of the column that :unionId is compared with, integer (the default) or text.
	UnionIDType string `yaml:"unionIdType,omitempty"`
	// Listen is a channel of PostgreSQL: NOTIFY has the feed polled at once, for the user whose unionId is the payload, or
	// for all.
	Listen string `yaml:"listen,omitempty"`
}

// SQL is a Source that asks a database. Each poll is a read-only transaction.
type SQL struct {
	opts         SQLOptions
	engine       sqlEngine
	where        string // which database, for people
	query, count sqlQuery
	desc         Description
	share        *sqlShare // of the connections
}

// NewSQL checks the options. It connects to nothing: the first poll does. The caller must Close it.
// The error is an *OptionError.
func NewSQL(o SQLOptions) (*SQL, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(o.URL.Reveal())
	if err != nil {
		return nil, &OptionError{Key: "url", Problem: "no URL; postgres://, mysql:// or sqlite: is allowed, with % for signs that have a meaning in URLs (%40 for @)"}
	}
	engine, ok := sqlEngines()[u.Scheme]
	if !ok {
		return nil, &OptionError{Key: "url", Problem: fmt.Sprintf("scheme %s; postgres, mysql and sqlite are allowed", quote(u.Scheme))}
	}
	s := &SQL{opts: o, engine: engine}
	connector, where, err := engine.open(u)
	if err != nil {
		return nil, &OptionError{Key: "url", Problem: s.hide(err.Error())}
	}
	s.where = where
	if s.query, err = parseSQL(o.Query, engine.syntax); err != nil {
		return nil, &OptionError{Key: "query", Problem: err.Error()}
	}
	if o.Count != "" {
		if s.count, err = parseSQL(o.Count, engine.syntax); err != nil {
			return nil, &OptionError{Key: "count", Problem: err.Error()}
		}
	}
	switch {
	case o.Listen != "" && !engine.listens:
		return nil, &OptionError{Key: "listen", Problem: "only PostgreSQL can; leave it out"}
	case len(o.Listen) > longestChannel:
		return nil, &OptionError{Key: "listen", Problem: fmt.Sprintf("%s has %d bytes; PostgreSQL takes %d", quote(o.Listen), len(o.Listen), longestChannel)}
	}
	s.desc = Description{
		Whole:   !s.query.names(sqlLimit),
		PerUser: s.query.names(sqlUnionID) || s.count.names(sqlUnionID),
	}
	if err := s.checkPaging(); err != nil {
		return nil, err
	}
	s.share = joinSQLPool(engine.key(u), connector, engine.fresh, o.MaxConnections)
	return s, nil
}

// withDefaults fills in what is left out and refuses what is out of bounds.
func (o SQLOptions) withDefaults() (SQLOptions, error) {
	o.Timeout = cmp.Or(o.Timeout, defaultSQLTimeout)
	if o.Timeout < time.Millisecond || o.Timeout > MaxInterval {
		return o, &OptionError{Key: "timeout", Problem: fmt.Sprintf("%s; 1ms to 1h is allowed", o.Timeout)}
	}
	o.UnionIDType = cmp.Or(o.UnionIDType, unionIDInteger)
	if o.UnionIDType != unionIDInteger && o.UnionIDType != unionIDText {
		return o, &OptionError{Key: "unionIdType", Problem: fmt.Sprintf("%s; integer and text are allowed", quote(o.UnionIDType))}
	}
	for _, n := range []struct {
		key             string
		value           *int
		otherwise, most int
	}{
		{"maxRows", &o.MaxRows, defaultSQLRows, maxSQLRows},
		{"maxBytes", &o.MaxBytes, defaultSQLBytes, maxSQLBytes},
		{"maxConnections", &o.MaxConnections, defaultSQLConns, maxSQLConns},
	} {
		*n.value = cmp.Or(*n.value, n.otherwise)
		if *n.value < 1 || *n.value > n.most {
			return o, &OptionError{Key: n.key, Problem: fmt.Sprintf("%d; 1–%d is allowed", *n.value, n.most)}
		}
	}
	return o, nil
}

// checkPaging refuses a query whose pages could not be told apart or counted.
func (s *SQL) checkPaging() error {
	paged, counted := !s.desc.Whole, s.opts.Count != "" || s.opts.Window != ""
	switch {
	case paged != s.query.names(sqlOffset):
		return &OptionError{Key: "query", Problem: "only one of :limit and :offset; both are needed, or none"}
	case paged && !counted:
		return &OptionError{Key: "count", Problem: "needed for a query with :limit: a statement that counts all records, such as " +
			"SELECT count(*) FROM …; or name in window the column that has count(*) OVER ()"}
	case !paged && s.opts.Count != "":
		return &OptionError{Key: "count", Problem: "only for a query with :limit and :offset; leave it out"}
	case !paged && s.opts.Window != "":
		return &OptionError{Key: "window", Problem: "only for a query with :limit and :offset; leave it out"}
	case s.opts.Count != "" && s.opts.Window != "":
		return &OptionError{Key: "window", Problem: "there is a count too; one of them is allowed"}
	case s.count.names(sqlLimit) || s.count.names(sqlOffset):
		return &OptionError{Key: "count", Problem: "it names :limit or :offset; it is to count all records"}
	}
	return nil
}

// String says which database it asks, without secrets: its fields hold them.
func (s *SQL) String() string { return s.where }

// Describe says what the query tells by itself: the names and types of the columns are known to the database alone.
func (s *SQL) Describe() Description { return s.desc }

// Poll asks the database, in one read-only transaction. Its time begins with the wait for a connection.
func (s *SQL) Poll(ctx context.Context, q Query) (Result, error) {
	values, err := s.values(q)
	if err != nil {
		return Result{}, err
	}
	// Less than there is, so that it is told what took so long, and not only that the poll is late.
	ctx, cancel := context.WithTimeout(ctx, min(s.opts.Timeout, left(ctx)*19/20))
	defer cancel()
	if err := s.share.take(ctx); err != nil {
		return Result{}, s.explainWait(err)
	}
	defer s.share.giveBack()
	conn, err := s.begin(ctx)
	if err != nil {
		return Result{}, s.explain(ctx, err, sqlBound{})
	}
	p := sqlPoll{SQL: s, conn: conn, values: values}
	res, err := p.ask(ctx, q)
	if p.healthy(ctx, err) {
		_, undone := conn.ExecContext(ctx, "ROLLBACK")
		if undone == nil {
			return res, errors.Join(err, conn.Close())
		}
	}
	s.share.pool.discard(conn)
	return res, err
}

// Close lets go of the connections; the last feed of a database closes them and returns when they are. It may be called again,
// and nothing may be polled afterwards.
func (s *SQL) Close() error { return s.share.leave() }

// values are what the parameters stand for in one poll.
func (s *SQL) values(q Query) (map[string]any, error) {
	values := map[string]any{sqlUnionID: nil, sqlOffset: int64(q.Offset), sqlLimit: int64(q.Limit)}
	switch {
	case q.UnionID == "" || !s.desc.PerUser:
	case s.opts.UnionIDType == unionIDText:
		values[sqlUnionID] = q.UnionID
	default:
		n, err := strconv.ParseInt(q.UnionID, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("unionId %s is no 64-bit integer; for other ones set unionIdType to text", quote(q.UnionID))
		}
		values[sqlUnionID] = n
	}
	return values, nil
}

// begin takes a connection and begins a transaction on it. Kept connections to a server that is gone are thrown away, until
// there is one to the server that is there.
func (s *SQL) begin(ctx context.Context) (*sql.Conn, error) {
	db, err := s.share.pool.open()
	for tries := 0; err == nil; tries++ {
		var conn *sql.Conn
		if conn, err = db.Conn(ctx); err != nil {
			break
		}
		if err = s.prepare(ctx, conn); err == nil {
			return conn, nil
		}
		s.share.pool.discard(conn)
		if _, said := s.engine.fault(err); said || ctx.Err() != nil || tries > s.share.pool.limit() {
			break
		}
		err = nil
	}
	return nil, err
}

// prepare says on a connection what holds for this feed, and begins.
func (s *SQL) prepare(ctx context.Context, conn *sql.Conn) error {
	if s.engine.largest != nil {
		err := conn.Raw(func(c any) error { return s.engine.largest(c, s.opts.MaxBytes) })
		if err != nil {
			return err
		}
	}
	for _, statement := range s.engine.begin(left(ctx)) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// left is how long ctx may last.
func left(ctx context.Context) time.Duration {
	until, ok := ctx.Deadline()
	if !ok {
		return math.MaxInt32 * time.Millisecond
	}
	return max(time.Until(until), time.Millisecond)
}
