package feeds

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyFor is how long a poll waits for a writer to unlock the file; a wait cannot be interrupted.
const busyFor = 500 * time.Millisecond

func sqlSQLite() sqlEngine {
	return sqlEngine{
		name:   "sqlite",
		syntax: sqlSyntax{brackets: true, question: true},
		fresh:  true,
		open:   openSQLite,
		begin:  func(time.Duration) []string { return []string{"BEGIN"} },
		fault:  sqliteFault,
	}
}

// openSQLite takes sqlite:file, sqlite:/folder/file and sqlite:///folder/file.
func openSQLite(u *url.URL) (c driver.Connector, where string, err error) {
	file := u.Opaque
	if file == "" {
		file = u.Path
	}
	file, err = url.PathUnescape(file)
	switch {
	case err != nil || file == "" || u.Host != "" || strings.ContainsRune(file, 0):
		return nil, "", errors.New("no file; sqlite:file and sqlite:///folder/file are allowed")
	case u.RawQuery != "":
		return nil, "", errors.New("something after ?; a file alone is allowed")
	}
	options := url.Values{
		"mode":          {"ro"},
		"_query_only":   {"true"},
		"_defensive":    {"true"},
		"_texttotime":   {"true"}, // of expressions, such as max(at), too
		"_busy_timeout": {fmt.Sprint(busyFor.Milliseconds())},
	}
	dsn := "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + options.Encode()
	c, err = sqlite.NewConnector(dsn)
	return c, "SQLite file " + quote(file), err
}

func sqliteFault(err error) (sqlFault, bool) {
	var said *sqlite.Error
	if !errors.As(err, &said) {
		return sqlFault{}, false
	}
	f := sqlFault{message: said.Error()}
	switch {
	case said.Code()&0xff == sqlite3.SQLITE_READONLY:
		f.kind = sqlReadOnly
	case said.Code()&0xff == sqlite3.SQLITE_INTERRUPT:
		f.kind = sqlTimeout
	case strings.Contains(f.message, "no such table"):
		f.kind = sqlNoTable
	case strings.Contains(f.message, "no such column"):
		f.kind = sqlNoColumn
	}
	return f, true
}
