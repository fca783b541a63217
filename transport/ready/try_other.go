//go:build !linux

package ready

import "syscall"

// TryWrite fails.
func TryWrite(syscall.RawConn, []byte) (int, error) { return 0, ErrUnsupported }

// WriteTo fails.
func WriteTo(int, []byte) (int, error) { return 0, ErrUnsupported }

// TryRead fails.
func TryRead(syscall.RawConn, []byte) (int, error) { return 0, ErrUnsupported }

// Can says whether tries are possible at all.
const Can = false
