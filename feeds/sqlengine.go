package feeds

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/url"
	"time"
)

// sqlEngine is what differs between databases.
type sqlEngine struct {
	syntax   sqlSyntax
	numbered bool // parameters are $1 and $2, not ? and ?
	fresh    bool // connections are not kept: they would go on with a file that was replaced
	// open checks a URL and connects to nothing. It also says which database that is, without secrets.
	open func(u *url.URL, o SQLOptions) (c driver.Connector, where string, err error)
	// begin are the statements that begin a read-only transaction of which each statement may take so long.
	begin func(left time.Duration) []string
	// fault reads an error; false if it is none of the database's.
	fault func(err error) (sqlFault, bool)
	// listen calls notice for each notification on a channel, and ready before the first; nil where there are none.
	listen func(ctx context.Context, o SQLOptions, ready func(), notice func(payload string)) error
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
