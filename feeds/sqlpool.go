package feeds

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"slices"
	"sync"
	"time"
)

// sqlPools are those in use, one a database: what a server allows in connections counts for the whole program, so these do too.
var sqlPools = struct {
	mu   sync.Mutex
	list map[sqlPoolKey]*sqlPool // guarded by mu
}{list: make(map[sqlPoolKey]*sqlPool)}

// sqlPoolKey names a database. Sessions differ by no more than that: that they only read, how long a statement may take and
// how large a row may be is said anew for each poll.
type sqlPoolKey struct {
	engine string
	url    Secret
}

// sqlPool has the connections to a database, which all feeds of its URL share, and sees to it that they take turns.
type sqlPool struct {
	key       sqlPoolKey
	connector driver.Connector
	fresh     bool // connections are not kept
	leaving   sync.WaitGroup

	mu      sync.Mutex
	db      *sql.DB    // guarded by mu, like all below; nil before the first poll
	gone    bool       // the last feed has left
	most    int        // connections: the largest number that a feed named
	shares  int        // feeds
	held    int        // connections that polls have
	served  uint64     // how often one was given
	waiting []*sqlTurn // in the order in which they came
	ear     *sqlEar    // nil: nobody listens
}

// sqlShare is what one feed has of a pool. The caller must leave it.
type sqlShare struct {
	pool   *sqlPool
	once   sync.Once
	held   int    // connections; guarded by the pool's mu, like served
	served uint64 // when it was given one last
}

// sqlTurn is a poll that waits for a connection.
type sqlTurn struct {
	share *sqlShare
	come  chan struct{} // closed when it is its turn
}

// joinSQLPool returns a feed's share of the pool of a database. It connects to nothing.
func joinSQLPool(key sqlPoolKey, connector driver.Connector, fresh bool, most int) *sqlShare {
	sqlPools.mu.Lock()
	defer sqlPools.mu.Unlock()
	p := sqlPools.list[key]
	if p == nil {
		p = &sqlPool{key: key, connector: connector, fresh: fresh}
		sqlPools.list[key] = p
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares++
	p.most = max(p.most, most)
	if p.db != nil {
		p.bound()
	}
	p.serve()
	return &sqlShare{pool: p}
}

// leave gives the share back. The last feed closes the connections, and waits until they are. It may be called again.
func (s *sqlShare) leave() (err error) {
	s.once.Do(func() {
		db, last := s.pool.quit()
		if db != nil {
			err = db.Close()
		}
		if last {
			s.pool.leaving.Wait()
		}
	})
	return err
}

// quit takes a feed out of the pool, and returns what the last one has to close.
func (p *sqlPool) quit() (db *sql.DB, last bool) {
	sqlPools.mu.Lock()
	defer sqlPools.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares--
	if p.shares > 0 {
		p.serve()
		return nil, false
	}
	delete(sqlPools.list, p.key)
	p.gone = true
	return p.db, true
}

// open returns the database, which connects when there is something to ask.
func (p *sqlPool) open() (*sql.DB, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return nil, sql.ErrConnDone
	}
	if p.db == nil {
		p.db = sql.OpenDB(p.connector)
		p.db.SetConnMaxIdleTime(5 * time.Minute)
		p.db.SetConnMaxLifetime(30 * time.Minute)
		p.bound()
	}
	return p.db, nil
}

// bound has the database know how many connections there may be. The caller holds mu.
func (p *sqlPool) bound() {
	p.db.SetMaxOpenConns(p.most)
	p.db.SetMaxIdleConns(p.most)
	if p.fresh {
		p.db.SetMaxIdleConns(-1)
	}
}

// limit is how many connections there may be.
func (p *sqlPool) limit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.most
}

// take waits until the feed may have one more connection. The caller must giveBack after a nil.
func (s *sqlShare) take(ctx context.Context) error {
	p, t := s.pool, &sqlTurn{share: s, come: make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, t)
	p.serve()
	p.mu.Unlock()
	select {
	case <-t.come:
		return nil
	case <-ctx.Done():
	}
	p.mu.Lock()
	i := slices.Index(p.waiting, t)
	if i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
	}
	p.mu.Unlock()
	if i < 0 { // it came in the same moment
		s.giveBack()
	}
	return ctx.Err()
}

// giveBack lets others have the connection.
func (s *sqlShare) giveBack() {
	p := s.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	s.held--
	p.held--
	p.serve()
}

// serve gives what is free to those whose turn it is. The caller holds mu.
func (p *sqlPool) serve() {
	for p.held < p.most {
		i := p.next()
		if i < 0 {
			return
		}
		t := p.waiting[i]
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.held++
		p.served++
		t.share.held++
		t.share.served = p.served
		close(t.come)
	}
}

// next is whose turn it is: a poll of the feed that has the fewest connections, and of several such the one that was given none
// for longest. No feed takes the last connection while there are others, so that a slow one does not hold them up. -1: nobody's.
func (p *sqlPool) next() int {
	each := p.most
	if p.shares > 1 {
		each = max(p.most-1, 1)
	}
	best := -1
	for i, t := range p.waiting {
		if t.share.held < each && (best < 0 || t.share.before(p.waiting[best].share)) {
			best = i
		}
	}
	return best
}

func (s *sqlShare) before(other *sqlShare) bool {
	return cmp.Or(cmp.Compare(s.held, other.held), cmp.Compare(s.served, other.served)) < 0
}

// discard closes a connection of which nobody knows in which state it is. A database that hangs may make that take a while,
// for which the last feed that leaves waits.
func (p *sqlPool) discard(conn *sql.Conn) {
	p.leaving.Go(func() {
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	})
}
