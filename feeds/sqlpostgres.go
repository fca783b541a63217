package feeds

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"
)

// messageOverhead is what a row needs on the wire beside its values.
const messageOverhead = 64 << 10

func sqlPostgres() sqlEngine {
	return sqlEngine{
		name:     "postgres",
		syntax:   sqlSyntax{escape: true, nested: true, dollar: true},
		numbered: true,
		open:     openPostgres,
		largest:  largestPostgres,
		begin: func(left time.Duration) []string {
			return []string{fmt.Sprintf("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = %d", max(left.Milliseconds(), 1))}
		},
		fault:   postgresFault,
		listens: true,
	}
}

func openPostgres(u *url.URL) (c driver.Connector, where string, err error) {
	config, err := postgresConfig(u)
	if err != nil {
		return nil, "", err
	}
	where = fmt.Sprintf("PostgreSQL database %s at %s:%d", quote(config.Database), config.Host, config.Port)
	noPing := func(context.Context, stdlib.ShouldPingParams) bool { return false } // beginning a transaction tells as much
	return stdlib.GetConnector(*config, stdlib.OptionShouldPing(noPing)), where, nil
}

func postgresConfig(u *url.URL) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, err
	}
	if !u.Query().Has("default_query_exec_mode") {
		// Nothing is kept in the connection, so tables may change and PgBouncer may stand before it.
		config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "pulsewall"
	}
	config.MaxProtocolMessageBodyLen = maxSQLBytes + messageOverhead
	return config, nil
}

// largestPostgres bounds each message, and so each row, of a connection.
func largestPostgres(conn any, bytes int) error {
	c, ok := conn.(*stdlib.Conn)
	if !ok {
		return fmt.Errorf("a connection of %T; want one of pgx", conn)
	}
	c.Conn().PgConn().Frontend().SetMaxBodyLen(bytes + messageOverhead)
	return nil
}

func postgresFault(err error) (sqlFault, bool) {
	var large *pgproto3.ExceededMaxBodyLenErr
	if errors.As(err, &large) {
		return sqlFault{kind: sqlTooLarge, message: fmt.Sprintf("a row of %d bytes", large.ActualBodyLen)}, true
	}
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return sqlFault{}, false
	}
	kinds := map[string]sqlFaultKind{
		"28P01": sqlAuth, "28000": sqlAuth, "3D000": sqlNoDatabase, "42P01": sqlNoTable, "42703": sqlNoColumn, "57014": sqlTimeout,
		"25006": sqlReadOnly, "42501": sqlDenied, "53300": sqlTooMany, "57P03": sqlStarting, "57P01": sqlStarting,
	}
	return sqlFault{kind: kinds[said.Code], message: said.Message, at: int(said.Position)}, true
}
