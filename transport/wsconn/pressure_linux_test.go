package wsconn

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// seen is what a client found in the bytes that it got.
type seen struct {
	texts, pings, pongs int
	code                int // of the close frame; 0: none
	err                 error
}

// parse reads frames of a server up to the end and holds that each is valid: texts are numbered, pongs answer in order, and nothing follows a
// close frame, of which it tells closed.
func parse(r io.Reader, closed func()) (s seen) {
	s.err = func() error {
		b, pong := bufio.NewReader(r), -1
		for {
			var head [2]byte
			if _, err := io.ReadFull(b, head[:]); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			size := uint64(head[1])
			switch {
			case size > 127:
				return errors.New("a masked frame")
			case s.code != 0:
				return errors.New("a frame after the close frame")
			case size == 126:
				var wide uint16
				if err := binary.Read(b, binary.BigEndian, &wide); err != nil {
					return err
				}
				size = uint64(wide)
			case size == 127:
				if err := binary.Read(b, binary.BigEndian, &size); err != nil {
					return err
				}
			}
			if size > 1<<20 {
				return fmt.Errorf("a frame of %d bytes", size)
			}
			payload := make([]byte, size)
			if _, err := io.ReadFull(b, payload); err != nil {
				return err
			}
			switch head[0] {
			case 0x81:
				if err := numbered(payload, s.texts); err != nil {
					return err
				}
				s.texts++
			case 0x88:
				s.code = int(binary.BigEndian.Uint16(payload))
				closed()
			case 0x89:
				s.pings++
			case 0x8a:
				var n int
				if _, err := fmt.Sscan(string(payload), &n); err != nil || n <= pong {
					return fmt.Errorf("pong %q after %d", payload, pong)
				}
				pong = n
				s.pongs++
			default:
				return fmt.Errorf("a frame that begins with %#x", head[0])
			}
		}
	}()
	return s
}

// numberedText is text i of some size.
func numberedText(i, size int) []byte {
	p := fmt.Appendf(make([]byte, 0, size+12), "%d ", i)
	for len(p) < size {
		p = append(p, byte('a'+i%26))
	}
	return p
}

func numbered(p []byte, want int) error {
	var n int
	if _, err := fmt.Sscan(string(p[:min(len(p), 12)]), &n); err != nil || n != want {
		return fmt.Errorf("text %.12q; want number %d", p, want)
	}
	for i, c := range p[len(fmt.Sprint(n))+1:] {
		if c != byte('a'+n%26) {
			return fmt.Errorf("text %d has %q at %d", n, c, i)
		}
	}
	return nil
}

// stalling reads in pieces of any size and stops now and then.
type stalling struct {
	net.Conn
	random *rand.Rand
}

func (s stalling) Read(p []byte) (int, error) {
	if s.random.IntN(20) == 0 {
		<-time.After(time.Duration(s.random.IntN(10)) * time.Millisecond)
	}
	return s.Conn.Read(p[:min(len(p), 1+s.random.IntN(8<<10))])
}

// narrow lets little of what is written out at once: small buffers, and segments as on a real network, as the kernel itself stalls where a segment is
// larger than the window.
func narrow(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(d uintptr) {
		fd := int(d) // #nosec G115 -- a descriptor
		failed = errors.Join(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 8<<10), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400))
	})
	return errors.Join(err, failed)
}

// shallow makes a server's buffer small.
func shallow(raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(d uintptr) { failed = unix.SetsockoptInt(int(d), unix.SOL_SOCKET, unix.SO_SNDBUF, 8<<10) }) // #nosec G115 -- a descriptor
	return errors.Join(err, failed)
}

// pressed is a connection with a client that stalls, and sends pings and half messages meanwhile.
func pressed(t *testing.T, h *house, seed uint64) (server *Conn, got <-chan seen, stop func() int) {
	t.Helper()
	server, client := h.dialBy(t, &net.Dialer{Control: narrow}, "", "")
	if err := shallow(server.socket.out.Raw()); err != nil {
		t.Fatal(err)
	}
	result, halt, sent := make(chan seen, 1), make(chan struct{}), make(chan int, 1)
	go func() {
		s := parse(stalling{client, rand.New(rand.NewPCG(seed, 1))}, func() { _ = client.(*net.TCPConn).CloseWrite() }) // #nosec G404 -- a test
		if s.err != nil {
			_ = client.Close() // the server need not wait
		}
		result <- s
	}()
	go func() {
		random := rand.New(rand.NewPCG(seed, 2)) // #nosec G404 -- a test
		for n := 0; ; n++ {
			f := maskedFrame(fin|opPing, fmt.Append(nil, n))
			cut := random.IntN(len(f))
			for _, p := range [][]byte{f[:cut], f[cut:]} {
				_, _ = client.Write(p)
			}
			select {
			case <-halt:
				sent <- n + 1
				return
			case <-time.After(time.Duration(random.IntN(3)) * time.Millisecond):
			}
		}
	}()
	return server, result, func() int { close(halt); return <-sent }
}

// frames is a piece of a few texts from number i on.
func frames(random *rand.Rand, i *int) (p []byte) {
	for range 1 + random.IntN(3) {
		p = append(p, TextFrame(numberedText(*i, []int{0, 100, 130, 5000, 40_000, 70_000}[random.IntN(6)]))...)
		*i++
	}
	return p
}

// TestPressure: texts written as a shard and a session that is behind do, pings, answers to pings, and a client that stalls: the bytes are valid, and
// each text comes once and in order.
func TestPressure(t *testing.T) {
	h := newHouse(t, Options{PingEvery: time.Nanosecond})
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- a test
			server, got, stop := pressed(t, h, seed)
			listenTo(server)
			done := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				for {
					select {
					case <-done:
						return
					case now := <-time.After(time.Millisecond):
						if _, err := server.Beat(now); err != nil {
							t.Error(err)
						}
					}
				}
			})
			i, partial := 0, 0
			for range 60 {
				p := frames(random, &i)
				var err error
				if more := true; random.IntN(3) > 0 {
					if more, err = server.Try(p); more {
						partial++
						err = server.Write(nil)
					}
				} else {
					err = server.Write(p)
				}
				if err != nil {
					t.Errorf("piece with texts up to %d: %v", i, err)
					break
				}
			}
			close(done)
			wg.Wait()
			pings := stop()
			server.Close(1000, "")
			s := <-got
			t.Logf("%+v of %d texts and %d pings; %d tries were not whole", s, i, pings, partial)
			if s.err != nil || s.texts != i || s.code != 1000 || partial == 0 || s.pings == 0 || s.pongs == 0 {
				t.Errorf("got %+v; want %d texts, pings and pongs, and 1000", s, i)
			}
		})
	}
}

// TestPressureEnds: a connection that is stopped and closed while everything is going on ends behind a whole frame, with the code.
func TestPressureEnds(t *testing.T) {
	h := newHouse(t, Options{})
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- a test
			server, got, stop := pressed(t, h, seed)
			listenTo(server)
			var wg sync.WaitGroup
			i := 0
			wg.Go(func() {
				for {
					p := frames(random, &i)
					more, err := server.Try(p)
					if more {
						err = server.Write(nil)
					}
					if err != nil {
						return
					}
				}
			})
			<-time.After(time.Duration(seed) * 2 * time.Millisecond)
			server.Stop()
			server.Close(TooSlow, "too slow")
			wg.Wait()
			stop()
			if s := <-got; s.err != nil || s.texts > i || s.code != TooSlow {
				t.Errorf("got %+v; want some of %d texts, whole, and 4408", s, i)
			}
		})
	}
}
