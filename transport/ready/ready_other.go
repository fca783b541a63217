//go:build !linux

package ready

import "syscall"

type set struct{}

func newSet() (*set, error) { return nil, ErrUnsupported }

func (*set) run() {}

func (*set) close() {}

// Watch is one connection that is watched: none is.
type Watch struct{}

// Watch fails.
func (p *Poller) Watch(syscall.RawConn, Reader) (Watch, error) { return Watch{}, ErrUnsupported }

// Arm fails.
func (Watch) Arm(syscall.RawConn) error { return ErrUnsupported }

// Forget does nothing.
func (Watch) Forget() {}
