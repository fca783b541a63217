package ready

import (
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// pair is a connection and its descriptor, and the other end.
func pair(t testing.TB) (net.Conn, syscall.RawConn, net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(); _ = here.Close(); _ = there.Close() })
	raw, err := here.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return here, raw, there
}

// bell tells each call of Ready.
type bell chan struct{}

func (b bell) Ready([]byte) { b <- struct{}{} }

func (b bell) want(t *testing.T, what string) {
	t.Helper()
	select {
	case <-b:
	case <-time.After(patience):
		t.Fatalf("not told of %s", what)
	}
}

// TestWatch: one call for each time it is armed, however much comes, and one for the end.
func TestWatch(t *testing.T) {
	p := New()
	defer p.Close()
	here, raw, there := pair(t)
	b := make(bell, 10)
	w, err := p.Watch(raw, b)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := there.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	b.want(t, "input")
	got := make([]byte, 3)
	if _, err := io.ReadFull(here, got); err != nil {
		t.Fatal(err)
	}
	if n, err := TryRead(raw, got); n != 0 || !errors.Is(err, ErrLater) {
		t.Errorf("TryRead = %d, %v; want ErrLater", n, err)
	}
	if len(b) > 0 {
		t.Error("told again, unarmed")
	}
	if err := w.Arm(raw); err != nil {
		t.Fatal(err)
	}
	_ = there.Close()
	b.want(t, "the end")
	if n, err := TryRead(raw, got); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("TryRead = %d, %v; want the end", n, err)
	}
	w.Forget()
	_ = here.Close()
	if err := w.Arm(raw); err == nil {
		t.Error("a closed connection is armed")
	}
}

// TestReuse: what was under way for a watch that has been forgotten does not reach the one that has its place.
func TestReuse(t *testing.T) {
	p := New()
	defer p.Close()
	_, raw, _ := pair(t)
	old, err := p.Watch(raw, make(bell))
	if err != nil {
		t.Fatal(err)
	}
	old.Forget()
	old.Forget()
	_, raw, there := pair(t)
	b := make(bell, 1)
	w, err := p.Watch(raw, b)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Forget()
	if w.at != old.at || w.generation == old.generation {
		t.Fatalf("%v after %v; want the same place and another generation", w, old)
	}
	if r := p.set.reader(old.at, old.generation); r != nil {
		t.Errorf("the watch that was forgotten reaches %v", r)
	}
	if _, err := there.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b.want(t, "input")
}

// TestTryWrite: it writes what there is room for and never waits.
func TestTryWrite(t *testing.T) {
	here, raw, _ := pair(t)
	p := make([]byte, 1<<20)
	for range 1000 {
		n, err := TryWrite(raw, p)
		if errors.Is(err, ErrLater) {
			_ = here.Close()
			if _, err := TryWrite(raw, p); !errors.Is(err, net.ErrClosed) {
				t.Errorf("TryWrite = %v; want that it is closed", err)
			}
			return
		}
		if err != nil || n == 0 {
			t.Fatalf("TryWrite = %d, %v", n, err)
		}
	}
	t.Error("a gigabyte is taken")
}

// TestWatchAgain: a connection whose watch has been forgotten can be watched by another.
func TestWatchAgain(t *testing.T) {
	p := New()
	defer p.Close()
	_, raw, there := pair(t)
	old, err := p.Watch(raw, make(bell))
	if err != nil {
		t.Fatal(err)
	}
	_, other, _ := pair(t) // takes its place in the set
	old.Forget()
	w, err := p.Watch(other, make(bell))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Forget()
	b := make(bell, 1)
	again, err := p.Watch(raw, b)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Forget()
	if _, err := there.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b.want(t, "input")
}
