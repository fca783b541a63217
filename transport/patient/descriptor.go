package patient

import (
	"net"

	"github.com/pulsewall/pulsewall/transport/ready"
)

// none is no descriptor.
const none = -1

// hold takes the descriptor, so that a try is a system call and nothing else: what net keeps of a connection is cold at each. Close of the
// connection takes it back first. Only one writer of a connection holds it; the others try by raw. The writer is locked.
func (w *Writer) hold() {
	if w.asked {
		return
	}
	w.asked = true
	if w.raw == nil || !w.paced.holder.CompareAndSwap(nil, w) || w.paced.closed.Load() { // who closes after this sees the holder, and waits for the lock
		return
	}
	_ = w.raw.Control(func(fd uintptr) { w.fd = int32(fd) }) // of one that has ended, the next try says so
}

// letGo ends the tries on the descriptor.
func (w *Writer) letGo() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fd = none
}

// canTry says whether there are tries. The writer is locked.
func (w *Writer) canTry() bool { return w.fd != none || w.raw != nil }

// tryWrite writes what the connection takes now; ready.ErrLater: nothing. The writer is locked.
func (w *Writer) tryWrite(p []byte) (int, error) {
	if w.fd != none {
		return ready.WriteTo(int(w.fd), p)
	}
	if w.paced.closed.Load() {
		return 0, net.ErrClosed
	}
	return ready.TryWrite(w.raw, p)
}
