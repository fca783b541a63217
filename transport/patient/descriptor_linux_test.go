package patient

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
	"unsafe"
)

// TestCloseWhileTrying: the descriptor of a connection that closes is another one's at once, and that gets nothing of what is tried meanwhile.
func TestCloseWhileTrying(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	join := func() (here *Conn, there net.Conn) {
		t.Helper()
		there, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return Wrap(conn), there
	}
	reused := 0
	for range 100 {
		here, there := join()
		w, began := NewWriter(here, time.Minute, nil), make(chan struct{})
		var trying sync.WaitGroup
		trying.Go(func() {
			for first := true; ; first = false {
				_, err := w.Try([]byte("of the one before"))
				if first {
					close(began)
				}
				if err != nil {
					if !errors.Is(err, net.ErrClosed) {
						t.Errorf("Try = %v; want that it is closed", err)
					}
					return
				}
			}
		})
		go func() { _, _ = io.Copy(io.Discard, there) }() // ends with the connection
		<-began
		fd := descriptorOf(t, here)
		if err := here.Close(); err != nil {
			t.Fatal(err)
		}
		next, client := join()
		if descriptorOf(t, next) == fd || descriptorOf(t, Wrap(client)) == fd {
			reused++
		}
		trying.Wait()
		if more, err := w.Try([]byte("late")); more || !errors.Is(err, net.ErrClosed) {
			t.Errorf("Try after Close = %v, %v", more, err)
		}
		for _, conn := range []net.Conn{next, client} { // both have ended, if nothing came
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				t.Fatal(err)
			}
		}
		for _, conn := range []net.Conn{next, client} {
			if got, err := io.ReadAll(conn); len(got) > 0 || err != nil {
				t.Fatalf("another connection got %q, %v", got, err)
			}
			_ = conn.Close()
		}
		_ = there.Close()
	}
	if reused == 0 {
		t.Error("no descriptor was used again, so nothing was seen")
	}
}

// TestOneHolder: of two writers to a connection one holds its descriptor; neither writes after Close, nor one that comes then.
func TestOneHolder(t *testing.T) {
	conn, there := tcp(t)
	writers := []*Writer{NewWriter(conn, time.Minute, nil), NewWriter(conn, time.Minute, nil)}
	for i, w := range writers {
		if more, err := w.Try([]byte("x")); more || err != nil || (w.fd != none) != (i == 0) {
			t.Errorf("Try of writer %d = %v, %v, by descriptor %d", i, more, err, w.fd)
		}
	}
	if _, err := io.ReadFull(there, make([]byte, 2)); err != nil {
		t.Error(err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	for i, w := range append(writers, NewWriter(conn, time.Minute, nil)) {
		if more, err := w.Try([]byte("x")); more || !errors.Is(err, net.ErrClosed) || w.fd != none {
			t.Errorf("Try of writer %d after Close = %v, %v, by descriptor %d", i, more, err, w.fd)
		}
	}
}

// TestCloseBeforeHold: a writer that comes as a connection closes holds nothing.
func TestCloseBeforeHold(t *testing.T) {
	for range 100 {
		conn, _ := tcp(t)
		w := NewWriter(conn, time.Minute, nil)
		var closing sync.WaitGroup
		closing.Go(func() { _ = conn.Close() })
		_, err := w.Try([]byte("x"))
		closing.Wait()
		if w.fd != none {
			t.Fatalf("descriptor %d of a closed connection is held; Try = %v", w.fd, err)
		}
	}
}

// TestLine: what a try touches of a writer is in one line of the caches.
func TestLine(t *testing.T) {
	var w Writer
	if at, size := unsafe.Offsetof(w.conn), unsafe.Sizeof(w); at > 64 || size%64 != 0 {
		t.Errorf("%d bytes of %d; want 64 of a multiple of it", at, size)
	}
}

// descriptorOf is the number that the kernel knows it by.
func descriptorOf(t *testing.T, conn *Conn) (number uintptr) {
	t.Helper()
	raw, err := conn.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { number = fd })
	}
	if err != nil {
		t.Fatal(err)
	}
	return number
}
