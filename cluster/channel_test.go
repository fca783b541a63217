package cluster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// channelOf is a channel of the test's own.
func channelOf(t *testing.T) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == ' ' || r == '#' {
			return '_'
		}
		return r
	}, t.Name())
	return (strings.Repeat("x", 32) + name)[len(name):]
}

// answers and mute are what clients do with a ping.
func answers(context.Context) error { return nil }

func mute(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// register takes an end, or fails the test.
func register(t *testing.T, c Cluster, end End, ping func(context.Context) error) *Registration {
	t.Helper()
	r, err := c.Register(t.Context(), end, ping)
	if err != nil {
		t.Fatalf("Register(%v) = %v", end, err)
	}
	t.Cleanup(r.Close)
	return r
}

// sink collects the numbers in the frames that come for an end.
type sink struct {
	mu    sync.Mutex
	got   []uint64
	wrong int
	err   error
	done  chan struct{}
}

// collect takes frames until the registration ends.
func collect(t *testing.T, r *Registration) *sink {
	s := &sink{done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(s.done)
		for {
			frames, err := r.Receive(ctx)
			s.mu.Lock()
			s.err = err
			for _, f := range frames {
				s.got = append(s.got, binary.BigEndian.Uint64(f))
				if n := len(s.got); n > 1 && s.got[n-2] >= s.got[n-1] {
					s.wrong++
				}
			}
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	return s
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// has waits until n frames have come, in order.
func (s *sink) has(t *testing.T, n int) {
	t.Helper()
	eventually(t, 30*time.Second, func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		if len(s.got) != n || s.wrong > 0 {
			return fmt.Errorf("%d frames, %d of them out of order; want %d", len(s.got), s.wrong, n)
		}
		return nil
	})
}

// sendFrames sends n frames that hold their number, from first on.
func sendFrames(r *Registration, first, n, size int) {
	for i := range n {
		b := make([]byte, max(8, size))
		binary.BigEndian.PutUint64(b, uint64(first+i))
		r.Send(b)
	}
}

func testChannel(t *testing.T, n *node) {
	app, web := End{channelOf(t), "app"}, End{channelOf(t), "web"}
	a := register(t, n, app, answers)
	sendFrames(a, 1, 3, 8) // for nobody
	w := register(t, n, web, answers)
	fromA, fromW := collect(t, w), collect(t, a)
	sendFrames(a, 1, 500, 8)
	sendFrames(w, 1, 500, MaxFrame)
	fromA.has(t, 500)
	fromW.has(t, 500)
	if _, err := n.Register(t.Context(), app, answers); !errors.Is(err, ErrTaken) {
		t.Errorf("Register of what is held = %v, want %v", err, ErrTaken)
	}
	a.Close()
	sendFrames(w, 501, 5, 8)
	a2 := register(t, n, app, answers)
	fromW2 := collect(t, a2)
	sendFrames(w, 600, 5, 8)
	fromW2.has(t, 5)
	traffic := n.Relayed()
	if traffic.Open != 2 || traffic.Passed["local"] < 1005 || traffic.Dropped["absent"] < 8 {
		t.Errorf("Relayed() = %+v; want 2 open, 1005 passed on the spot, 8 dropped", traffic)
	}
}

func testChannelReplaced(t *testing.T, n *node) {
	end := End{channelOf(t), "web"}
	old := collect(t, register(t, n, end, mute))
	began := time.Now()
	register(t, n, end, answers)
	t.Logf("taken over after %v", time.Since(began))
	<-old.done
	if !errors.Is(old.err, ErrReplaced) {
		t.Errorf("the holder ended with %v, want %v", old.err, ErrReplaced)
	}
	if _, err := n.Register(t.Context(), end, answers); !errors.Is(err, ErrTaken) {
		t.Errorf("Register of what was taken over = %v, want %v", err, ErrTaken)
	}
}

// testChannelOfTwo has the ends on two nodes: they talk, and each end has one holder, unless the nodes know nothing of each other.
func testChannelOfTwo(t *testing.T, n *node) {
	other := n.another()
	together := other.Epoch() == n.Epoch()
	app, web := End{channelOf(t), "app"}, End{channelOf(t), "web"}
	a, w := register(t, n, app, answers), register(t, other, web, answers)
	if _, err := other.Register(t.Context(), app, answers); errors.Is(err, ErrTaken) != together {
		t.Errorf("Register of what another node has = %v, with one cluster %v", err, together)
	}
	if !together {
		sendFrames(a, 1, 10, 8)
		if got := n.Relayed().Dropped["absent"]; got < 10 {
			t.Errorf("%d frames dropped, want 10", got)
		}
		return
	}
	fromA, fromW := collect(t, w), collect(t, a)
	var sending sync.WaitGroup
	sending.Go(func() { sendFrames(a, 1, 1000, 100) })
	sending.Go(func() { sendFrames(w, 1, 200, MaxFrame) })
	sending.Wait()
	fromA.has(t, 1000)
	fromW.has(t, 200)

	old := collect(t, register(t, n, End{channelOf(t)[1:] + "y", "app"}, mute))
	register(t, other, End{channelOf(t)[1:] + "y", "app"}, answers)
	<-old.done
	if !errors.Is(old.err, ErrReplaced) {
		t.Errorf("the holder on another node ended with %v, want %v", old.err, ErrReplaced)
	}
}

// TestChannelExpires lets a day go by.
func TestChannelExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewLocal("a", newRecorder())
		r := register(t, c, End{channelOf(t), "app"}, answers)
		began := time.Now()
		_, err := r.Receive(t.Context())
		if took := time.Since(began); !errors.Is(err, ErrExpired) || took != ChannelLife {
			t.Errorf("Receive = %v after %v, want %v after %v", err, took, ErrExpired, ChannelLife)
		}
		register(t, c, End{channelOf(t), "app"}, answers)
	})
}

// TestChannelBehind has an end that takes nothing: its sender waits a moment once, and goes on.
func TestChannelBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := NewLocal("a", newRecorder())
		a := register(t, c, End{channelOf(t), "app"}, answers)
		w := register(t, c, End{channelOf(t), "web"}, answers)
		began := time.Now()
		sendFrames(a, 1, 10_000, 8)
		if took := time.Since(began); took != patience {
			t.Errorf("10,000 frames for an end that takes none took %v, want %v", took, patience)
		}
		if got := c.Relayed().Dropped["behind"]; got != 10_000-MaxBehind {
			t.Errorf("%d dropped, want %d", got, 10_000-MaxBehind)
		}
		got := collect(t, w) // it takes them now
		synctest.Wait()
		sendFrames(a, 20_001, 500, 8)
		synctest.Wait()
		if got.count() != MaxBehind+500 || got.wrong > 0 {
			t.Errorf("%d came, %d out of order; want the %d that waited and 500 more", got.count(), got.wrong, MaxBehind)
		}
	})
}
