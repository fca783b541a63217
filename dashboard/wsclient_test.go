package dashboard

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// handshake are the headers of a WebSocket that is opened.
var handshake = []string{
	"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
}

// socket is a small client for WebSockets.
type socket struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

// dial opens a WebSocket that is closed at the end of the test.
func (w *wall) dial(query string, headers ...string) *socket {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.Listener.Addr().String())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	head := "GET /live?" + query + " HTTP/1.1\r\nHost: " + w.Listener.Addr().String() + "\r\n"
	for _, line := range append(headers, handshake...) {
		head += line + "\r\n"
	}
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, head+"\r\n"); err != nil {
		w.t.Fatal(err)
	}
	s := &socket{t: w.t, conn: conn, r: bufio.NewReader(conn)}
	resp, err := http.ReadResponse(s.r, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		b, _ := io.ReadAll(resp.Body)
		w.t.Fatalf("%d %s", resp.StatusCode, b)
	}
	return s
}

// send writes one masked text frame (RFC 6455, 5.2).
func (s *socket) send(text string) {
	s.t.Helper()
	frame := []byte{0x81, 0x80 | 126}
	frame = binary.BigEndian.AppendUint16(frame, uint16(len(text)))
	frame = append(append(frame, 0, 0, 0, 0), text...) // masked with zeros: unchanged
	if _, err := s.conn.Write(frame); err != nil {
		s.t.Fatal(err)
	}
}

// event is one thing that came.
type event struct {
	Event string         `json:"event"`
	ID    string         `json:"id"`
	Data  map[string]any `json:"data"`
}

// next reads the next event of a name, passing over others.
func (s *socket) next(name string) event {
	s.t.Helper()
	for {
		opcode, payload, err := s.frame()
		if err != nil {
			s.t.Fatalf("waiting for %s: %v", name, err)
		}
		if opcode != 1 {
			continue
		}
		var e event
		if err := json.Unmarshal(payload, &e); err != nil {
			s.t.Fatalf("%s: %v", payload, err)
		}
		if e.Event == name {
			return e
		}
	}
}

func (s *socket) frame() (opcode byte, payload []byte, err error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(s.r, head); err != nil {
		return 0, nil, err
	}
	size := int(head[1] & 0x7f)
	long := make([]byte, map[int]int{126: 2, 127: 8}[size])
	if _, err := io.ReadFull(s.r, long); err != nil {
		return 0, nil, err
	}
	if len(long) > 0 {
		size = 0
		for _, b := range long {
			size = size<<8 | int(b)
		}
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(s.r, payload)
	return head[0] & 0x0f, payload, err
}

// ask sends an op and returns its result, or its problem as an error.
func (s *socket) ask(op string) (result map[string]any, err error) {
	s.t.Helper()
	s.send(op)
	e := s.next("reply")
	if p, ok := e.Data["problem"].(map[string]any); ok {
		return nil, fmt.Errorf("%v %v", p["status"], p["detail"])
	}
	result, _ = e.Data["result"].(map[string]any)
	return result, nil
}
