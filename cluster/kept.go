package cluster

import "fmt"

// Log is where messages of a node that is meant to be alone outlive its process. Its methods are not called at the same time.
type Log interface {
	// Load returns the epoch of the log, which is the given one where there was none, the last place that was ever given, and the items that are
	// kept, in order.
	Load(unnamed string) (epoch string, last int64, kept []Item, err error)
	// Keep returns when the items are safe: all of them or, with an error, none.
	Keep([]Item) error
}

// keeping is a message on its way into the log.
type keeping struct {
	item Item
	done bool
	err  error
}

// NewKept returns a cluster of the node alone whose messages, with their places, outlive it. What is kept is given to the handler by Begin.
func NewKept(node string, handler Handler, log Log) *Local {
	l := NewLocal(node, handler)
	l.log = log
	return l
}

// Begin reads what is kept and gives it to the handler. It is called before anything is appended, and before anybody can ask for Epoch.
func (l *Local) Begin() (deliver func(), err error) {
	if l.log == nil {
		return func() {}, nil
	}
	epoch, last, kept, err := l.log.Load(l.epoch)
	if err != nil {
		return nil, fmt.Errorf("messages from before: %w", err)
	}
	l.order.Lock()
	defer l.order.Unlock()
	l.epoch, l.seq = epoch, last
	after := last
	if len(kept) > 0 {
		after = kept[0].Seq - 1
	}
	for i := range kept {
		kept[i].Epoch = epoch
	}
	return func() { l.handler.Restart(epoch, after, kept) }, nil
}

// keep has a message kept, together with all that came since the last were begun, and then delivered.
func (l *Local) keep(key string, data []byte) (Position, error) {
	k := &keeping{item: Item{Key: key, Data: data}}
	l.mine.Lock()
	l.next = append(l.next, k)
	l.mine.Unlock()
	l.order.Lock()
	defer l.order.Unlock()
	if !k.done { // else whoever had the order before has done it
		l.keepAll()
	}
	return k.item.Position, k.err
}

// keepAll keeps what waits, in one go. The caller holds order.
func (l *Local) keepAll() {
	l.mine.Lock()
	all := l.next
	l.next = nil
	l.mine.Unlock()
	items := make([]Item, len(all))
	for i, k := range all {
		k.item.Position = Position{Epoch: l.epoch, Seq: l.seq + int64(i) + 1}
		items[i] = k.item
	}
	err := l.log.Keep(items)
	for _, k := range all {
		if k.done = true; err != nil {
			k.item.Position, k.err = Position{}, fmt.Errorf("%w: %w", ErrUnknown, err)
			continue
		}
		l.seq++
		l.handler.Deliver(k.item) // under the lock, as Append does
	}
}
