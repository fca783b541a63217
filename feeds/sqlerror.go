package feeds

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"
)

// sqlFault is an error that a database told, in the words of no database.
type sqlFault struct {
	kind    sqlFaultKind
	message string // what it said
	at      int    // which character of the statement; 0: unknown
}

type sqlFaultKind int

const (
	sqlOther sqlFaultKind = iota
	sqlAuth
	sqlNoDatabase
	sqlNoTable
	sqlNoColumn
	sqlTimeout
	sqlReadOnly
	sqlDenied
	sqlTooMany
	sqlStarting
	sqlTooLarge
)

// advice is what to do about each kind.
var advice = map[sqlFaultKind]string{
	sqlAuth:       "check user and password in url",
	sqlNoDatabase: "check the database in url",
	sqlNoTable:    "check the table and the schema in the query",
	sqlNoColumn:   "check the column in the query",
	sqlReadOnly:   "polls are read-only",
	sqlDenied:     "grant SELECT to the user in url",
	sqlTooMany:    "lower maxConnections, or raise what the server allows",
	sqlStarting:   "it starts or stops; the next poll comes by itself",
	sqlTooLarge:   "select fewer or shorter columns, or raise maxBytes",
}

// sqlSentence is an error that is explained. The connection that it came from is not used again.
type sqlSentence struct{ sentence string }

func (e *sqlSentence) Error() string { return e.sentence }

// explain makes one sentence of an error, with what to do about it and without the password.
func (s *SQL) explain(ctx context.Context, err error, b sqlBound) error {
	var told *sqlSentence
	if errors.As(err, &told) {
		return err
	}
	fault, said := s.engine.fault(err)
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.Canceled) || said && fault.kind == sqlTimeout {
		if b.text == "" {
			return &sqlSentence{s.where + " took longer than the poll may before anything was asked; see whether it can be reached from here, or raise timeout and interval"}
		}
		return fmt.Errorf("%s took longer than the poll may; make the query faster (an index?), or raise timeout and interval", s.where)
	}
	if !said {
		return s.explainNetwork(err)
	}
	sentence := fmt.Sprintf("%s: %s", s.where, s.hide(fault.message))
	if fault.at > 0 && b.text != "" {
		sentence += " at " + b.place(fault.at)
	}
	if what := advice[fault.kind]; what != "" {
		sentence += "; " + what
	}
	return errors.New(sentence)
}

// explainWait is explain for a poll whose turn did not come.
func (s *SQL) explainWait(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &sqlSentence{fmt.Sprintf("none of the %d connections to %s became free in time; raise maxConnections, or make the queries faster", s.share.pool.limit(), s.where)}
	}
	return s.explainNetwork(err)
}

// explainNetwork is explain for what the database did not say itself.
func (s *SQL) explainNetwork(err error) error {
	var unknown *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return &sqlSentence{s.where + " refuses connections; see whether it runs there"}
	case errors.As(err, &unknown):
		return &sqlSentence{fmt.Sprintf("host %s is not known; check url", quote(unknown.Name))}
	case errors.Is(err, fs.ErrNotExist):
		return &sqlSentence{s.where + " is not there; check url"}
	case errors.Is(err, context.Canceled):
		return &sqlSentence{"the poll was given up"}
	}
	message, _, _ := strings.Cut(s.hide(err.Error()), "\n")
	return &sqlSentence{fmt.Sprintf("%s: %s", s.where, message)}
}

// hide takes the secrets of the URL out of a text.
func (s *SQL) hide(text string) string { return hideIn(text, []Secret{s.opts.URL}) }
