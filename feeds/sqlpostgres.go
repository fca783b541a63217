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

const (
	// quietFor is how long a connection that listens hears nothing before it is asked whether it still is one.
	quietFor = 30 * time.Second
	// answersWithin is how long that, and connecting, may take.
	answersWithin = 10 * time.Second
	// messageOverhead is what a row needs on the wire beside its values.
	messageOverhead = 64 << 10
)

func sqlPostgres() sqlEngine {
	return sqlEngine{
		syntax:   sqlSyntax{escape: true, nested: true, dollar: true},
		numbered: true,
		open:     openPostgres,
		begin: func(left time.Duration) []string {
			return []string{fmt.Sprintf("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = %d", max(left.Milliseconds(), 1))}
		},
		fault:  postgresFault,
		listen: listenPostgres,
	}
}

func openPostgres(u *url.URL, o SQLOptions) (c driver.Connector, where string, err error) {
	config, err := postgresConfig(u, o)
	if err != nil {
		return nil, "", err
	}
	where = fmt.Sprintf("PostgreSQL database %s at %s:%d", quote(config.Database), config.Host, config.Port)
	noPing := func(context.Context, stdlib.ShouldPingParams) bool { return false } // beginning a transaction tells as much
	return stdlib.GetConnector(*config, stdlib.OptionShouldPing(noPing)), where, nil
}

func postgresConfig(u *url.URL, o SQLOptions) (*pgx.ConnConfig, error) {
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
	config.MaxProtocolMessageBodyLen = o.MaxBytes + messageOverhead
	return config, nil
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

// listenPostgres listens on a connection of its own until that fails or ctx ends.
func listenPostgres(ctx context.Context, o SQLOptions, ready func(), notice func(payload string)) error {
	u, err := url.Parse(o.URL.Reveal())
	if err != nil {
		return err
	}
	config, err := postgresConfig(u, o)
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	conn, err := pgx.ConnectConfig(soon, config)
	if err != nil {
		return err
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end) // nothing is lost with it
	}()
	if _, err := conn.Exec(soon, "LISTEN "+pgx.Identifier{o.Listen}.Sanitize()); err != nil {
		return err
	}
	ready()
	for {
		quiet, cancel := context.WithTimeout(ctx, quietFor)
		n, err := conn.WaitForNotification(quiet)
		silent := quiet.Err() != nil
		cancel()
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			notice(n.Payload)
		case !silent:
			return err
		default:
			asked, cancel := context.WithTimeout(ctx, answersWithin)
			err := conn.Ping(asked)
			cancel()
			if err != nil {
				return err
			}
		}
	}
}
