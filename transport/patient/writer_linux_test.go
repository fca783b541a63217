package patient

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"
)

// tcp is a patient connection and the other end.
func tcp(t testing.TB) (*Conn, net.Conn) {
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
	return Wrap(here), there
}

// BenchmarkTry compares a try with the system call that it makes.
func BenchmarkTry(b *testing.B) {
	p := make([]byte, 1024)
	b.Run("try", func(b *testing.B) {
		conn, there := tcp(b)
		go func() { _, _ = io.Copy(io.Discard, there) }()
		w := NewWriter(conn, time.Minute, nil)
		b.ReportAllocs()
		for b.Loop() {
			if more, err := w.Try(p); err != nil {
				b.Fatal(err)
			} else if more {
				if err := w.Write(nil); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("write", func(b *testing.B) {
		conn, there := tcp(b)
		go func() { _, _ = io.Copy(io.Discard, there) }()
		raw, err := conn.SyscallConn()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		_ = raw.Control(func(fd uintptr) {
			for b.Loop() {
				for {
					if _, err := syscall.Write(int(fd), p); err == nil { // #nosec G115 -- a descriptor
						break
					}
				}
			}
		})
	})
}

// TestTryAllocatesNothing where the connection takes all.
func TestTryAllocatesNothing(t *testing.T) {
	conn, there := tcp(t)
	go func() { _, _ = io.Copy(io.Discard, there) }()
	w, p := NewWriter(conn, time.Minute, nil), make([]byte, 100)
	if n := testing.AllocsPerRun(200, func() {
		if more, err := w.Try(p); more || err != nil {
			t.Error(more, err)
		}
	}); n > 0 {
		t.Errorf("%v allocations a try; want none", n)
	}
}
