package feeds

import (
	"database/sql/driver"
	"fmt"
	"net/url"
	"time"
)

// sqlEngine is what differs between databases.
type sqlEngine struct {
	name     string
	syntax   sqlSyntax
	numbered bool // parameters are $1 and $2, not ? and ?
	fresh    bool // connections are not kept: they would go on with a file that was replaced
	// open checks a URL and connects to nothing. It also says which database that is, without secrets.
	open func(u *url.URL) (c driver.Connector, where string, err error)
	// largest has a connection refuse a row of more bytes before it is read; nil where the driver cannot.
	largest func(conn any, bytes int) error
	// begin are the statements that begin a read-only transaction of which each statement may take so long.
	begin func(left time.Duration) []string
	// fault reads an error; false if it is none of the database's.
	fault   func(err error) (sqlFault, bool)
	listens bool // there are notifications
}

// sqlEngines are the databases by the scheme of their URLs.
func sqlEngines() map[string]sqlEngine {
	postgres, mysql, sqlite := sqlPostgres(), sqlMySQL(), sqlSQLite()
	return map[string]sqlEngine{
		"postgres": postgres, "postgresql": postgres,
		"mysql": mysql, "mariadb": mysql,
		"sqlite": sqlite, "sqlite3": sqlite, "file": sqlite,
	}
}

// key names the database of a URL, however its scheme is written.
func (e sqlEngine) key(u *url.URL) sqlPoolKey {
	same := *u
	same.Scheme, same.RawQuery = e.name, u.Query().Encode()
	return sqlPoolKey{engine: e.name, url: Secret(same.String())}
}

// bind writes a statement in the database's own form. Where parameters have a type, it is said, so that a query may use
// one where no column tells it.
func (e sqlEngine) bind(q sqlQuery, values map[string]any, unionIDType string) sqlBound {
	return q.bind(values, e.numbered, func(name string, n int) string {
		switch {
		case !e.numbered:
			return "?"
		case name == sqlUnionID && unionIDType == unionIDText:
			return fmt.Sprintf("$%d::text", n)
		}
		return fmt.Sprintf("$%d::bigint", n)
	})
}
