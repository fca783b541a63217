package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime/debug"
	"syscall"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// guard makes an error of what the library does with a page that is none: it trusts them all. It is deferred after brittle.
func guard(err *error) {
	seen := recover()
	if _, fault := seen.(interface{ Addr() uintptr }); fault { // where in memory is of no use to anybody
		seen = "a page is beyond its end"
	}
	if seen != nil {
		*err = damaged(seen)
	}
}

// brittle has a page that cannot be read, or is beyond the end of the file, panic instead of ending the process, until what it returns is called.
func brittle() (end func()) {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// view reads what stands in the file.
func (s *Store) view(read func(*bbolt.Tx) error) (err error) {
	defer brittle()()
	defer guard(&err)
	return s.db.View(read)
}

// damaged is ErrDamaged with what was seen and what to do.
func damaged(seen any) error {
	return fmt.Errorf("%w: %v; move it away to begin anew", ErrDamaged, seen)
}

// opening says what an error of the library in opening a file means.
func opening(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrInUse
	case errors.As(err, new(*fs.PathError)), errors.As(err, new(syscall.Errno)):
		return err
	}
	return damaged(err)
}

// whole returns an error when the file ends before what stands in it does.
func whole(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		info, err := os.Stat(db.Path())
		if err == nil && info.Size() < tx.Size() {
			return damaged(fmt.Sprintf("it has %d bytes of %d", info.Size(), tx.Size()))
		}
		return err
	})
}
