package wsconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/patient"
	"github.com/pulsewall/pulsewall/transport/ready"
)

// house accepts connections that are parked.
type house struct {
	address string
	opened  chan *Conn
	poller  *ready.Poller
}

// patientListener is what transport.Listen returns, without its options.
type patientListener struct{ net.Listener }

func (l patientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return patient.Wrap(conn), nil
}

func newHouse(t testing.TB, opts Options) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{address: l.Addr().String(), opened: make(chan *Conn, 16), poller: ready.New()}
	opts.Poller = h.poller
	if opts.ReadLimit == 0 {
		opts.ReadLimit = 64 << 10
	}
	if opts.WriteTimeout == 0 {
		opts.WriteTimeout = patience
	}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := Accept(w, r, opts)
		if err != nil {
			t.Error(err)
			return
		}
		if _, err := conn.Try(nil); err != nil { // the answer, without anything yet
			t.Error(err)
		}
		h.opened <- conn
	})}
	done := make(chan error)
	go func() { done <- server.Serve(patientListener{l}) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		h.poller.Close()
	})
	return h
}

const handshakeText = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"

// dial opens a connection; early goes out together with the handshake.
func (h *house) dial(t testing.TB, headers, early string) (server *Conn, client net.Conn) {
	t.Helper()
	return h.dialBy(t, new(net.Dialer), headers, early)
}

func (h *house) dialBy(t testing.TB, dialer *net.Dialer, headers, early string) (server *Conn, client net.Conn) {
	t.Helper()
	client, err := dialer.Dial("tcp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	if _, err := fmt.Fprintf(client, handshakeText+"%s", headers, early); err != nil {
		t.Fatal(err)
	}
	if err := readHead(client); err != nil {
		t.Fatal(err)
	}
	server = <-h.opened
	t.Cleanup(server.CloseNow)
	return server, client
}

// readHead reads the answer to a handshake and not a byte more.
func readHead(r io.Reader) error {
	var head strings.Builder
	for b := make([]byte, 1); !strings.HasSuffix(head.String(), "\r\n\r\n"); {
		if _, err := io.ReadFull(r, b); err != nil {
			return err
		}
		head.Write(b)
	}
	if !strings.HasPrefix(head.String(), "HTTP/1.1 101 ") {
		return fmt.Errorf("refused: %q", head.String())
	}
	return nil
}

// ears collects what Receive brings.
type ears struct {
	messages chan string
	ended    chan error
}

func listenTo(c *Conn) ears {
	e := ears{make(chan string, 100), make(chan error, 2)}
	c.Receive(func(p []byte) error { e.messages <- string(p); return nil }, func(err error) { e.ended <- err })
	return e
}

func (e ears) want(t *testing.T, messages ...string) {
	t.Helper()
	for _, want := range messages {
		select {
		case got := <-e.messages:
			if got != want {
				t.Fatalf("message %.40q; want %.40q", got, want)
			}
		case err := <-e.ended:
			t.Fatalf("ended with %v; want %.40q", err, want)
		case <-time.After(patience):
			t.Fatalf("nothing; want %.40q", want)
		}
	}
}

// send writes frames of a client.
func send(t testing.TB, conn net.Conn, frames ...[]byte) {
	t.Helper()
	for _, f := range frames {
		if _, err := conn.Write(f); err != nil {
			t.Fatal(err)
		}
	}
}
