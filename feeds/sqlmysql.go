package feeds

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

func sqlMySQL() sqlEngine {
	return sqlEngine{
		name:   "mysql",
		syntax: sqlSyntax{backslash: true, hash: true, question: true},
		open:   openMySQL,
		begin: func(left time.Duration) []string {
			// Each of the two has a name of its own for the limit, and takes that of the other for a comment.
			ms := max(left.Milliseconds(), 1)
			return []string{
				fmt.Sprintf("SET time_zone = '+00:00' /*M!, max_statement_time = %d.%03d */ /*!50708, max_execution_time = %d */", ms/1000, ms%1000, ms),
				"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
			}
		},
		fault: mysqlFault,
	}
}

func openMySQL(u *url.URL) (c driver.Connector, where string, err error) {
	query := u.Query()
	socket := query.Get("socket")
	query.Del("socket")
	config, err := mysql.ParseDSN("/?" + query.Encode())
	if err != nil {
		return nil, "", err
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.DBName = strings.TrimPrefix(u.Path, "/")
	port := u.Port()
	if port == "" {
		port = "3306"
	}
	config.Net, config.Addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	switch {
	case socket != "":
		config.Net, config.Addr = "unix", socket
	case u.Hostname() == "":
		return nil, "", errors.New("no host; mysql://user:password@host/database is allowed")
	}
	// What a query could do harm with, or would change what its values are.
	config.MultiStatements, config.InterpolateParams, config.AllowAllFiles = false, false, false
	config.ParseTime, config.Loc, config.Logger = true, time.UTC, &mysql.NopLogger{}
	config.WriteTimeout = answersWithin // of a farewell; all else ends with its poll
	c, err = mysql.NewConnector(config)
	return c, fmt.Sprintf("MySQL database %s at %s", quote(config.DBName), config.Addr), err
}

func mysqlFault(err error) (sqlFault, bool) {
	var said *mysql.MySQLError
	if !errors.As(err, &said) {
		return sqlFault{}, false
	}
	kinds := map[uint16]sqlFaultKind{
		1045: sqlAuth, 1698: sqlAuth, 1251: sqlAuth, 1049: sqlNoDatabase, 1044: sqlDenied, 1146: sqlNoTable, 1054: sqlNoColumn,
		1969: sqlTimeout, 3024: sqlTimeout, 1792: sqlReadOnly, 1290: sqlReadOnly, 1142: sqlDenied, 1143: sqlDenied,
		1040: sqlTooMany, 1203: sqlTooMany, 1226: sqlTooMany, 1053: sqlStarting,
	}
	return sqlFault{kind: kinds[said.Number], message: said.Message}, true
}
