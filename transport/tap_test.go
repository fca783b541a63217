package transport

import (
	"errors"
	"sync"
	"time"
)

// tap is an outlet that takes as much as there is room for. Its client makes room.
type tap struct {
	mu      sync.Mutex
	room    int
	rest    []byte
	out     []byte // what the client has read
	stopped bool
	during  func()        // happens once, in a try
	moved   chan struct{} // size 1
}

var errStopped = errors.New("the tap is stopped")

func newTap(room int) *tap { return &tap{room: room, moved: make(chan struct{}, 1)} }

// take moves what there is room for. The tap is locked.
func (o *tap) take() bool {
	n := min(o.room, len(o.rest))
	o.out, o.rest, o.room = append(o.out, o.rest[:n]...), o.rest[n:], o.room-n
	return len(o.rest) > 0
}

func (o *tap) Try(p []byte) (bool, error) {
	o.mu.Lock()
	during := o.during
	o.during = nil
	o.mu.Unlock()
	if during != nil {
		during()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.stopped {
		return false, errStopped
	}
	o.rest = append(o.rest, p...)
	return o.take(), nil
}

func (o *tap) Write(p []byte) error {
	more, err := o.Try(p)
	for more && err == nil {
		<-o.moved
		more, err = o.Try(nil)
	}
	return err
}

// Beat pings each time.
func (o *tap) Beat(time.Time) (bool, error) { return o.Try([]byte{final | ping, 0}) }

func (*tap) Receive(func([]byte) error, func(error)) {}

func (o *tap) Stop() {
	o.mu.Lock()
	o.stopped = true
	o.mu.Unlock()
	o.move()
}

func (o *tap) CloseNow() {}

func (o *tap) move() {
	select {
	case o.moved <- struct{}{}:
	default:
	}
}

// open makes room for n bytes more.
func (o *tap) open(n int) {
	o.mu.Lock()
	o.room += n
	o.mu.Unlock()
	o.move()
}
