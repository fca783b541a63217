package dashboard_test

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// event is one thing that a stream brings.
type event struct {
	Event string         `json:"event"`
	ID    string         `json:"id"`
	Data  map[string]any `json:"data"`
}

// socket is the least WebSocket client there can be (RFC 6455): texts out, whole frames in.
type socket struct {
	t    testing.TB
	conn net.Conn
	br   *bufio.Reader
}

// handshake are the headers of a WebSocket that is opened.
var handshake = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

// socket opens the live address with a query and further headers.
func (w *wall) socket(query string, header ...string) *socket {
	w.t.Helper()
	return w.socketAt("/live"+query, header...)
}

// socketAt opens any address.
func (w *wall) socketAt(address string, header ...string) *socket {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = conn.Close() })
	s := &socket{w.t, conn, bufio.NewReader(conn)}
	if !slices.ContainsFunc(header, func(line string) bool { return strings.HasPrefix(line, "Host: ") }) {
		header = append(header, "Host: "+w.Listener.Addr().String())
	}
	lines := slices.Concat([]string{"GET " + address + " HTTP/1.1"}, header, handshake)
	s.write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	res, err := http.ReadResponse(s.br, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatalf("handshake: %v %v", res, err)
	}
	return s
}

func (s *socket) write(p []byte) {
	s.t.Helper()
	if _, err := s.conn.Write(p); err != nil {
		s.t.Fatal(err)
	}
}

// frame reads one unmasked frame.
func (s *socket) frame() (opcode byte, payload []byte) {
	s.t.Helper()
	head := make([]byte, 2)
	s.fill(head)
	size := uint64(head[1])
	switch size {
	case 126:
		more := make([]byte, 2)
		s.fill(more)
		size = uint64(binary.BigEndian.Uint16(more))
	case 127:
		more := make([]byte, 8)
		s.fill(more)
		size = binary.BigEndian.Uint64(more)
	}
	if size > 1<<20 {
		s.t.Fatalf("frame of %d bytes", size)
	}
	payload = make([]byte, size)
	s.fill(payload)
	return head[0] & 0xf, payload
}

func (s *socket) fill(p []byte) {
	s.t.Helper()
	if err := s.conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := io.ReadFull(s.br, p); err != nil {
		s.t.Fatal(err)
	}
}

// until reads up to the next event of that name.
func (s *socket) until(name string) event {
	s.t.Helper()
	for {
		opcode, text := s.frame()
		if opcode == 8 {
			s.t.Fatalf("closed %x before %s", text, name)
		}
		var e event
		if opcode != 1 {
			continue
		}
		if err := json.Unmarshal(text, &e); err != nil {
			s.t.Fatal(err)
		}
		if e.Event == name {
			return e
		}
	}
}

// closed reads up to the close frame and returns its code.
func (s *socket) closed() uint16 {
	s.t.Helper()
	for {
		if opcode, payload := s.frame(); opcode == 8 && len(payload) >= 2 {
			return binary.BigEndian.Uint16(payload)
		}
	}
}

// tell sends a text, masked with zeros.
func (s *socket) tell(text string) {
	s.t.Helper()
	frame := binary.BigEndian.AppendUint16([]byte{0x81, 0x80 | 126}, uint16(len(text)))
	frame = append(frame, 0, 0, 0, 0)
	s.write(append(frame, text...))
}

// ask sends a text and returns the reply.
func (s *socket) ask(text string) event {
	s.t.Helper()
	s.tell(text)
	return s.until("reply")
}
