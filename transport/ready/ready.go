// Package ready tells when a connection has something to read, so that no goroutine waits for each of those that are quiet. On Linux that is
// epoll; elsewhere nothing can be watched, and who asks has to read in a goroutine.
package ready

import (
	"errors"
	"sync"
)

// ErrUnsupported reports a connection, or a system, that cannot be watched.
var ErrUnsupported = errors.New("ready: this cannot be watched")

// ErrLater reports a try for which nothing is there now, or no room.
var ErrLater = errors.New("ready: not now")

// Reader is who reads a connection that is watched.
type Reader interface {
	// Ready is called once after each Arm, when there is something to read or the connection has ended. All readers of a poller share the
	// goroutine that calls it: it must not wait. What may wait is for [Poller.Go]. scratch is for what it reads, until it returns.
	Ready(scratch []byte)
}

// Poller watches connections. All methods may be called concurrently. The zero value can watch nothing.
type Poller struct {
	tasks sync.WaitGroup
	set   *set // nil: nothing can be watched
}

// New returns a poller. The caller must Close it.
func New() *Poller {
	p := new(Poller)
	if set, err := newSet(); err == nil { // else, as out of descriptors, each connection has a goroutine
		p.set = set
		p.tasks.Go(set.run)
	}
	return p
}

// Can says whether connections can be watched.
func (p *Poller) Can() bool { return p != nil && p.set != nil }

// Go runs f in a goroutine that Close waits for.
func (p *Poller) Go(f func()) { p.tasks.Go(f) }

// Close ends the watch and waits for all goroutines of the poller. The connections must have been closed.
func (p *Poller) Close() {
	if p.set != nil {
		p.set.close()
	}
	p.tasks.Wait()
}
