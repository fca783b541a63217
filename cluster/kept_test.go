package cluster

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
)

// fakeLog keeps items in memory, unless it is broken.
type fakeLog struct {
	mu     sync.Mutex
	items  []Item // guarded by mu, like all below
	epoch  string
	broken error
	calls  int
}

func (l *fakeLog) Load(unnamed string) (string, int64, []Item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch == "" {
		l.epoch = unnamed
	}
	last := int64(0)
	if n := len(l.items); n > 0 {
		last = l.items[n-1].Seq
	}
	return l.epoch, last, slices.Clone(l.items), l.broken
}

func (l *fakeLog) Keep(items []Item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls++
	if l.broken == nil {
		l.items = append(l.items, items...)
	}
	return l.broken
}

// TestKept sends messages from many sides, over a time in which the log is broken and over a restart: each that was taken has a place of its
// own, in the order of delivery, and what was refused has none.
func TestKept(t *testing.T) {
	log := &fakeLog{}
	handler := newRecorder()
	l := NewKept("a", handler, log)
	deliver, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	deliver()
	epoch := l.Epoch()
	var sending sync.WaitGroup
	for s := range 8 {
		sending.Go(func() {
			for i := range 50 {
				key := fmt.Sprint(s, "-", i)
				if p, err := l.Append(t.Context(), key, nil); err != nil || p.Epoch != epoch || !slices.Contains(handler.list(), key) {
					t.Errorf("Append(%s) = %v, %v; want a place in %s, and that it was delivered", key, p, err, epoch)
				}
			}
		})
	}
	sending.Wait()
	log.broken = errors.New("disk full")
	if p, err := l.Append(t.Context(), "lost", nil); !errors.Is(err, ErrUnknown) || p != (Position{}) {
		t.Errorf("Append with a broken log = %v, %v; want ErrUnknown", p, err)
	}
	if _, err := NewKept("a", newRecorder(), log).Begin(); err == nil {
		t.Error("Begin with a broken log succeeded")
	}
	log.broken = nil
	handler.check(t)
	if got := handler.list(); len(got) != 400 || log.calls > 401 {
		t.Errorf("%d delivered, kept in %d goes; want 400, in no more than 401", len(got), log.calls)
	}
	after := newRecorder()
	l = NewKept("a", after, log)
	if deliver, err = l.Begin(); err != nil {
		t.Fatal(err)
	}
	deliver()
	if p, err := l.Append(t.Context(), "next", nil); err != nil || p != (Position{Epoch: epoch, Seq: 401}) {
		t.Errorf("Append after a restart = %v, %v; want place 401 of %s", p, err, epoch)
	}
	if got, want := after.list(), append(handler.list(), "next"); !slices.Equal(got, want) {
		t.Errorf("after a restart %d items are there; want %d, the same in the same order", len(got), len(want))
	}
	after.check(t)
}
