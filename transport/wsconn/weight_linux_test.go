package wsconn

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// quietClients are sockets without any memory of this process's heap.
func quietClients(t testing.TB, h *house, n int) []*Conn {
	t.Helper()
	_, port, _ := net.SplitHostPort(h.address)
	var to unix.SockaddrInet4
	if _, err := fmt.Sscan(port, &to.Port); err != nil {
		t.Fatal(err)
	}
	to.Addr = [4]byte{127, 0, 0, 1}
	servers := make([]*Conn, n)
	request, answer := fmt.Appendf(nil, handshakeText, ""), make([]byte, 1024)
	for i := range n {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
		if err := errors.Join(unix.Connect(fd, &to), second(syscall.Write(fd, request))); err != nil {
			t.Fatal(err)
		}
		if err := second(syscall.Read(fd, answer)); err != nil {
			t.Fatal(err)
		}
		servers[i] = <-h.opened
	}
	return servers
}

func second(_ int, err error) error { return err }

// TestParkedMemory tells what a parked connection weighs, net.Conn included.
func TestParkedMemory(t *testing.T) {
	h := newHouse(t, Options{})
	n := 300
	if os.Getenv("PULSEWALL_LONG") != "" {
		n = 5000
	}
	memory := func() (heap, stacks, other uint64) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc, m.StackInuse, m.OtherSys + m.GCSys + m.MSpanInuse
	}
	quietClients(t, h, 10)
	heap, stacks, other := memory()
	conns := quietClients(t, h, n)
	for _, c := range conns {
		c.Receive(func([]byte) error { return nil }, func(error) {})
	}
	heap2, stacks2, other2 := memory()
	per := func(a, b uint64) float64 { return (float64(b) - float64(a)) / float64(n) }
	t.Logf("%d parked: %.0f B of heap, %.0f of stacks, %.0f of the runtime each", n, per(heap, heap2), per(stacks, stacks2), per(other, other2))
	for _, c := range conns {
		c.CloseNow()
	}
	if per := per(heap, heap2); per > 4096 {
		t.Errorf("%.0f bytes of heap a connection", per)
	}
}
