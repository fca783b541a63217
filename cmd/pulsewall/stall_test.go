package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
)

// single is a listener of one connection.
type single struct{ conns chan net.Conn }

func (l single) Accept() (net.Conn, error) {
	conn, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l single) Close() error {
	close(l.conns)
	return nil
}

func (l single) Addr() net.Addr { return &net.TCPAddr{} }

// dial serves big answers on a connection like those of transport.Listen, whose other end it returns.
func dial(t *testing.T, size int) *bufio.ReadWriter {
	t.Helper()
	srv := newServer(config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(bytes.Repeat([]byte("x"), size))
	}), slog.New(slog.DiscardHandler))
	here, there := net.Pipe()
	ln := single{make(chan net.Conn, 1)}
	ln.conns <- patient.Wrap(there)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		_ = srv.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		_ = here.Close()
	})
	return bufio.NewReadWriter(bufio.NewReaderSize(here, 16), bufio.NewWriter(here))
}

func ask(t *testing.T, conn *bufio.ReadWriter) {
	t.Helper()
	_, _ = conn.WriteString("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
}

// Who asks and does not read holds nothing for long, whether the answer is large or waits in the server's own buffer.
func TestStalledAnswer(t *testing.T) {
	for _, size := range []int{100, 1 << 20} {
		synctest.Test(t, func(t *testing.T) {
			conn := dial(t, size)
			ask(t, conn)
			time.Sleep(writeTimeout + writeTimeout/5)
			if n, err := io.Copy(io.Discard, conn); n != 0 {
				t.Errorf("of %d bytes, %d came after the stall: %v; want a closed connection", size, n, err)
			}
		})
	}
}

// Who reads slowly gets it all, and may ask again on the same connection.
func TestSlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 100_000
		conn := dial(t, size)
		for range 2 {
			ask(t, conn)
			res, err := http.ReadResponse(conn.Reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, piece := 0, make([]byte, 10_000)
			for err == nil {
				var n int
				time.Sleep(3 * time.Second)
				n, err = io.ReadFull(res.Body, piece)
				got += n
			}
			if got != size {
				t.Errorf("%d bytes, %v; want %d", got, err, size)
			}
			time.Sleep(time.Minute)
		}
	})
}
