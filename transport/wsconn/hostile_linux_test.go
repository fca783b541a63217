package wsconn

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pulsewall/pulsewall/transport/ready"
)

const hostileLimit = 1000 // bytes of a message

// verdict is what a server makes of what a client sends.
type verdict struct {
	messages []string
	code     int // of its close frame; 0: none came through
}

// arena takes the same bytes on a connection that is parked and on one that the library reads alone.
type arena struct {
	address  string
	verdicts chan []string // the messages, when reading has ended
}

func newArena(t testing.TB) *arena {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	poller := ready.New()
	a := &arena{address: l.Addr().String(), verdicts: make(chan []string, 1)}
	server := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opts := Options{ReadLimit: hostileLimit, WriteTimeout: patience}
		if r.URL.Path == "/parked" {
			opts.Poller = poller
		}
		conn, err := Accept(w, r, opts)
		if err != nil {
			t.Error(err)
			return
		}
		a.serve(conn)
	})}
	done := make(chan error)
	go func() { done <- server.Serve(patientListener{l}) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		poller.Close()
	})
	return a
}

func (a *arena) serve(conn *Conn) {
	var messages []string
	take := func(p []byte) error { messages = append(messages, string(p)); return nil }
	ended := func(error) { conn.CloseNow(); a.verdicts <- messages }
	if conn.parked != nil {
		conn.Receive(take, ended)
		return
	}
	for {
		p, err := conn.Read()
		if err != nil {
			ended(err)
			return
		}
		_ = take(p)
	}
}

// judge sends bytes in pieces of the size given, after which nothing comes any more.
func (a *arena) judge(t *testing.T, path string, sent []byte, piece int, deflated bool) verdict {
	t.Helper()
	client, err := net.Dial("tcp", a.address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	offer := ""
	if deflated {
		offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
	}
	if _, err := io.WriteString(client, strings.Replace(fmt.Sprintf(handshakeText, offer), "/", path, 1)); err != nil {
		t.Fatal(err)
	}
	if err := readHead(client); err != nil {
		t.Fatal(err)
	}
	heard := make(chan int)
	go func() { heard <- closeCodeOf(client) }()
	for p := range slices.Chunk(sent, piece) {
		if _, err := client.Write(p); err != nil {
			break // it has closed already
		}
	}
	_ = client.(*net.TCPConn).CloseWrite() // likewise
	var v verdict
	select {
	case v.messages = <-a.verdicts:
	case <-time.After(patience):
		t.Fatalf("%s: %q: reading does not end", path, sent)
	}
	v.code = <-heard
	return v
}

// closeCodeOf reads what a server sends up to its close frame.
func closeCodeOf(client net.Conn) int {
	r := bufio.NewReader(client)
	for {
		head := make([]byte, 2)
		if _, err := io.ReadFull(r, head); err != nil {
			return 0
		}
		payload := make([]byte, head[1]) // a control frame's: nothing else is sent
		if _, err := io.ReadFull(r, payload); err != nil {
			return 0
		}
		if head[0]&0xf != opClose {
			continue
		}
		if len(payload) < 2 {
			return 1005
		}
		return int(binary.BigEndian.Uint16(payload))
	}
}

// lengths are the three forms of a length, minimal or not, and some that are none.
func lengths(n int) [][]byte {
	long := binary.BigEndian.AppendUint64([]byte{masked | 127}, uint64(n))
	return [][]byte{
		{masked | byte(min(n, 125))},
		binary.BigEndian.AppendUint16([]byte{masked | 126}, uint16(n)), long,
		slices.Concat(long[:1], []byte{0x7f}, bytes.Repeat([]byte{0xff}, 7)), slices.Concat(long[:1], bytes.Repeat([]byte{0xff}, 8)),
	}
}

// FuzzHostile: of any bytes, in any pieces, a parked connection makes the same messages and says the same close code as the library alone.
func FuzzHostile(f *testing.F) {
	key, text := []byte{1, 2, 3, 4}, maskedFrame(fin|opText, []byte("after"))
	for _, first := range []byte{
		fin | opText, opText, fin | opMore, opMore, fin | opBinary, fin | opClose, fin | opPing, fin | opPong, opPing, opClose,
		fin | 0x3, fin | 0xb, fin | 0x20 | opText, fin | 0x10 | opText, fin | rsv1 | opText, rsv1 | opText, fin | rsv1 | opPing, rsv1 | opMore,
	} {
		for i, length := range lengths(4) {
			frame := slices.Concat([]byte{first}, length, key, []byte{1 ^ 3, 2 ^ 0xe8, 3, 4})
			f.Add(slices.Concat(frame, text), uint8(i), i%2 == 0)
			f.Add(slices.Concat(maskedFrame(opText, []byte("a")), frame, maskedFrame(fin|opMore, []byte("b")), text), uint8(200), i%2 == 1)
		}
	}
	f.Add([]byte{fin | opText, 2, 'h', 'i'}, uint8(1), false)
	f.Add(append(maskedFrame(fin|opPing, make([]byte, 126)), text...), uint8(3), false)
	f.Add(maskedFrame(fin|opText, make([]byte, hostileLimit+1)), uint8(0), false)
	f.Add(append(maskedFrame(opText, make([]byte, hostileLimit)), maskedFrame(fin|opMore, []byte("1"))...), uint8(100), false)
	for _, inflated := range []int{5, hostileLimit, hostileLimit + 1, 1 << 20} {
		f.Add(append(maskedFrame(fin|rsv1|opText, deflate(f, make([]byte, inflated))), text...), uint8(9), true)
	}
	last := []byte{0x4b, 0x04, 0x00} // a final block: "a"
	f.Add(append(maskedFrame(fin|rsv1|opText, slices.Concat(last, text)), text...), uint8(0), true)
	f.Add([]byte("\x81\xc90000"), uint8(0), false) // of a payload nothing comes
	f.Add([]byte("A\x840000"), uint8(0), true)
	a := newArena(f)
	f.Fuzz(func(t *testing.T, sent []byte, piece uint8, deflated bool) {
		if len(sent) > 16<<10 {
			return
		}
		size := int(piece)
		if size == 0 {
			size = 4 << 10
		}
		alone, parked := a.judge(t, "/library", sent, size, deflated), a.judge(t, "/parked", sent, size, deflated)
		if parked.code == TooBig && alone.code != TooBig && deflated {
			return // it counts what comes, too, and not only what it inflates to
		}
		if n := len(parked.messages); deflated && n < len(alone.messages) && slices.Equal(parked.messages, alone.messages[:n]) {
			return // where the deflated bytes end by themselves it does not wait for the last frame
		}
		if !slices.Equal(parked.messages, alone.messages) {
			t.Errorf("%q: messages %q; the library alone: %q", sent, parked.messages, alone.messages)
		}
		if deflated && parked.code != 1000 && alone.code != 1000 {
			return // refused by both: which of two mistakes is seen first depends on how much has been inflated
		}
		if parked.code != alone.code && parked.code != 0 && alone.code != 0 {
			t.Errorf("%q: closed with %d; the library alone: %d", sent, parked.code, alone.code)
		}
	})
}

// deflate is a message as permessage-deflate has it.
func deflate(t testing.TB, p []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(p)
	}
	if err = errors.Join(err, w.Flush()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()[:b.Len()-4]
}
