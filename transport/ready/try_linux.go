package ready

import (
	"errors"
	"io"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// attempt is one read or write that does not wait. It is used again, as what is handed to a RawConn is allocated otherwise.
type attempt struct {
	p    []byte
	n    int
	err  error
	call func(fd int, p []byte) (int, error)
	once func(fd uintptr) bool
}

var attempts = sync.Pool{New: func() any {
	a := new(attempt)
	a.once = func(fd uintptr) bool {
		for {
			if a.n, a.err = a.call(int(fd), a.p); !errors.Is(a.err, unix.EINTR) { // #nosec G115 -- a descriptor
				return true
			}
		}
	}
	return a
}}

// try makes one call by through, a method of a RawConn.
func try(through func(func(uintptr) bool) error, call func(int, []byte) (int, error), p []byte) (int, error) {
	a := attempts.Get().(*attempt)
	a.p, a.call = p, call
	err := through(a.once)
	n, failed := a.n, a.err
	a.p, a.n, a.err = nil, 0, nil
	attempts.Put(a)
	switch {
	case err != nil: // closed, or a deadline has passed
		return 0, err
	case errors.Is(failed, unix.EAGAIN):
		return 0, ErrLater
	}
	return max(n, 0), failed
}

// TryWrite writes what the socket takes at once; ErrLater: nothing. No other goroutine may be in a Write that waits.
func TryWrite(raw syscall.RawConn, p []byte) (int, error) { return try(raw.Write, syscall.Write, p) }

// WriteTo is TryWrite to a descriptor, which the caller keeps from being closed meanwhile.
func WriteTo(fd int, p []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, p)
		switch {
		case err == nil:
			return n, nil
		case err == syscall.EAGAIN:
			return 0, ErrLater
		case err != syscall.EINTR:
			return 0, err
		}
	}
}

// TryRead reads what is there; ErrLater: nothing. No other goroutine may be in a Read that waits.
func TryRead(raw syscall.RawConn, p []byte) (int, error) {
	n, err := try(raw.Read, syscall.Read, p)
	if n == 0 && err == nil && len(p) > 0 {
		return 0, io.EOF
	}
	return n, err
}

// Can says whether tries are possible at all.
const Can = true
