package ready

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// set is an epoll instance. It is itself a file that Go's own poller waits for, so that waiting takes no thread.
type set struct {
	file *os.File
	raw  syscall.RawConn

	mu    sync.Mutex
	slots []slot  // guarded by mu
	free  []int32 // guarded by mu: slots that nobody uses
}

// slot is where a watch is kept. A watch is named by slot and generation: descriptors are used again at once by other connections, and an
// event that was under way for the one before must not reach the next.
type slot struct {
	reader     Reader
	generation int32
}

const (
	input  = unix.EPOLLIN | unix.EPOLLRDHUP | unix.EPOLLONESHOT
	events = 128 // taken at once
)

func newSet() (*set, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // what os.File asks of a file that it is to wait for
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	s := &set{file: os.NewFile(uintptr(fd), "epoll")} // #nosec G115 -- a descriptor
	if s.raw, err = s.file.SyscallConn(); err != nil {
		_ = s.file.Close()
		return nil, err
	}
	return s, nil
}

func (s *set) close() { _ = s.file.Close() }

// run tells readers, until the set is closed.
func (s *set) run() {
	var (
		list   [events]unix.EpollEvent
		n      int
		failed error
	)
	scratch := make([]byte, 4<<10)
	look := func(fd uintptr) bool {
		n, failed = unix.EpollWait(int(fd), list[:], 0) // #nosec G115 -- a descriptor
		return n != 0
	}
	for {
		if err := s.raw.Read(look); err != nil {
			return // closed
		}
		if failed != nil && !errors.Is(failed, unix.EINTR) {
			panic(os.NewSyscallError("epoll_wait", failed)) // nothing else can happen to a set that exists
		}
		for _, event := range list[:max(n, 0)] {
			if reader := s.reader(event.Fd, event.Pad); reader != nil {
				reader.Ready(scratch)
			}
		}
	}
}

func (s *set) reader(at, generation int32) Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := s.slots[at]; slot.generation == generation {
		return slot.reader
	}
	return nil
}

// Watch is one connection that is watched.
type Watch struct {
	set            *set
	at, generation int32
}

// Watch adds a connection and asks for one call of Ready, which may come before Watch has returned. The caller must Forget what it has added.
func (p *Poller) Watch(raw syscall.RawConn, r Reader) (Watch, error) {
	if !p.Can() {
		return Watch{}, ErrUnsupported
	}
	w := p.set.take(r)
	err := w.control(raw, unix.EPOLL_CTL_ADD)
	if errors.Is(err, unix.EEXIST) { // of a watch that was forgotten, but not its connection
		err = w.control(raw, unix.EPOLL_CTL_MOD)
	}
	if err != nil {
		w.Forget()
		return Watch{}, err
	}
	return w, nil
}

// Arm asks for one more call of Ready. raw must be that of the watch; that it has been closed is an error.
func (w Watch) Arm(raw syscall.RawConn) error { return w.control(raw, unix.EPOLL_CTL_MOD) }

// Forget ends the watch: no call of Ready begins after it, but for one that the poller is about to make.
func (w Watch) Forget() {
	if w.set != nil {
		w.set.drop(w)
	}
}

// control asks for the next input. raw keeps the descriptor from being closed, and so from being another's, meanwhile. A closed one leaves the
// set by itself, as nothing else refers to its socket.
func (w Watch) control(raw syscall.RawConn, op int) error {
	var failed error
	event := unix.EpollEvent{Events: input, Fd: w.at, Pad: w.generation}
	err := raw.Control(func(fd uintptr) {
		closed := w.set.raw.Control(func(epoll uintptr) {
			failed = unix.EpollCtl(int(epoll), op, int(fd), &event) // #nosec G115 -- descriptors
		})
		failed = errors.Join(closed, failed)
	})
	return errors.Join(err, failed)
}

func (s *set) take(r Reader) Watch {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := int32(len(s.slots)) // #nosec G115 -- fewer than descriptors
	if last := len(s.free) - 1; last >= 0 {
		at, s.free = s.free[last], s.free[:last]
	} else {
		s.slots = append(s.slots, slot{})
	}
	s.slots[at].reader = r
	return Watch{s, at, s.slots[at].generation}
}

func (s *set) drop(w Watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot := &s.slots[w.at]; slot.generation == w.generation {
		slot.reader = nil
		slot.generation++
		s.free = append(s.free, w.at)
	}
}
