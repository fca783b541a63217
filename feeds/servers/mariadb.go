//go:build unix

package servers

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"syscall"

	"github.com/go-sql-driver/mysql"
)

// MariaDB starts a MariaDB with an empty database pulsewall, whose log has every statement. The caller must Close it.
func MariaDB(ctx context.Context) (*Server, error) {
	const debian = "mariadb-server"
	path, err := find(debian, "mariadbd")
	if err != nil {
		return nil, err
	}
	install, err := find(debian, "mariadb-install-db")
	if err != nil {
		return nil, err
	}
	return start(ctx, program{
		kind: "mariadb",
		path: path,
		prepare: func(ctx context.Context, s *Server) error {
			err := s.write("init.sql", fmt.Sprintf("CREATE DATABASE IF NOT EXISTS pulsewall CHARACTER SET utf8mb4;\n"+
				"CREATE USER IF NOT EXISTS %[1]s@'%%' IDENTIFIED BY '%[2]s';\nGRANT ALL ON *.* TO %[1]s@'%%' WITH GRANT OPTION;\n", User, Password))
			if err != nil {
				return err
			}
			return s.command(ctx, install, "--no-defaults", "--datadir="+s.file("data"), "--tmpdir="+s.dir, "--skip-name-resolve",
				"--auth-root-authentication-method=normal", "--skip-test-db", "--skip-log-bin", "--innodb-log-file-size=16M")
		},
		args: func(s *Server) []string {
			return []string{"--no-defaults", "--datadir=" + s.file("data"), "--tmpdir=" + s.dir, "--socket=" + s.file("socket"),
				"--pid-file=" + s.file("pid"), "--bind-address=127.0.0.1", "--port=" + strconv.Itoa(s.port), "--skip-name-resolve",
				"--init-file=" + s.file("init.sql"), "--general-log", "--general-log-file=" + s.file("log"), "--max-allowed-packet=64M",
				"--innodb-flush-log-at-trx-commit=2", "--character-set-server=utf8mb4", "--innodb-log-file-size=16M", "--innodb-buffer-pool-size=64M", "--max-connections=50"}
		},
		answers: func(ctx context.Context, s *Server) error {
			config := mysql.NewConfig()
			config.User, config.Passwd, config.Net, config.Addr, config.DBName = User, Password, "tcp", s.Addr(), "pulsewall"
			config.Logger = &mysql.NopLogger{}
			connector, err := mysql.NewConnector(config)
			if err != nil {
				return err
			}
			db := sql.OpenDB(connector)
			defer func() { _ = db.Close() }()
			return db.PingContext(ctx)
		},
		url:  func(s *Server) string { return fmt.Sprintf("mysql://%s:%s@%s/pulsewall", User, Password, s.Addr()) },
		quit: syscall.SIGKILL, // a gentle end takes seconds, and leaves no less behind
	})
}
