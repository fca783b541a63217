package transport

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/rand"
	"crypto/sha1" // #nosec G505 -- RFC 6455 asks for it
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"
	"unicode/utf8"
)

// closed is the server's close frame.
type closed struct {
	code   int
	reason string
}

func (c closed) Error() string { return fmt.Sprintf("closed %d %s", c.code, c.reason) }

// errInvalid reports a server that breaks RFC 6455 or RFC 7692.
var errInvalid = errors.New("invalid")

// wsClient is a WebSocket client of its own that distrusts the server: every frame is checked.
type wsClient struct {
	net.Conn
	br       *bufio.Reader
	response *http.Response
	deflated bool
	deaf     bool // does not answer pings
	ended    bool // the server's close frame has come
	lastID   string
	pongs    [][]byte

	mu sync.Mutex // of writes
}

func dialPlainWS(t testing.TB, s *site, q url.Values) peer { return dialWS(t, s, q, nil) }
func dialDeflatedWS(t testing.TB, s *site, q url.Values) peer {
	c := dialWS(t, s, q, http.Header{"Sec-Websocket-Extensions": {"permessage-deflate; client_max_window_bits"}})
	if !c.deflated {
		t.Errorf("extensions %q; want permessage-deflate", c.response.Header.Get("Sec-WebSocket-Extensions"))
	}
	return c
}

// dialWS opens a WebSocket and fails the test when the server does not.
func dialWS(t testing.TB, s *site, q url.Values, header http.Header) *wsClient {
	t.Helper()
	if id := q.Get("lastEventId"); id != "" {
		header = header.Clone()
		if header == nil {
			header = make(http.Header)
		}
		header.Set("Last-Event-ID", id)
	}
	c, err := shakeHands(connect(t, s), s, q, header)
	if err != nil {
		t.Fatal(err)
	}
	if c.response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("handshake: %s; want 101", c.response.Status)
	}
	return c
}

// connect is a connection that is closed at the end of the test.
func connect(t testing.TB, s *site) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return over(t, s, conn)
}

// over is conn with TLS where the site has it.
func over(t testing.TB, s *site, conn net.Conn) net.Conn {
	t.Helper()
	if s.TLS != nil {
		config := s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		config.NextProtos, config.ServerName = []string{"http/1.1"}, "example.com"
		conn = tls.Client(conn, config)
	}
	return conn
}

// shakeHands sends a handshake, whose headers may be replaced, or removed by "-", and checks a 101.
func shakeHands(conn net.Conn, s *site, q url.Values, header http.Header) (*wsClient, error) {
	key := make([]byte, 16)
	_, _ = rand.Read(key)
	r, err := http.NewRequest(http.MethodGet, "http://"+s.address()+"/live/ws?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	r.Header = http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, "Sec-Websocket-Version": {"13"},
		"Sec-Websocket-Key": {base64.StdEncoding.EncodeToString(key)},
	}
	for name, values := range header {
		if r.Header[name] = values; values[0] == "-" {
			delete(r.Header, name)
		}
	}
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	c := &wsClient{Conn: conn, br: bufio.NewReader(conn)}
	if c.response, err = http.ReadResponse(c.br, r); err != nil || c.response.StatusCode != http.StatusSwitchingProtocols {
		return c, err
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) // #nosec G401 -- likewise
	if got, want := c.response.Header.Get("Sec-WebSocket-Accept"), base64.StdEncoding.EncodeToString(sum[:]); got != want {
		return nil, fmt.Errorf("%w: Sec-WebSocket-Accept %q; want %q", errInvalid, got, want)
	}
	switch got := c.response.Header.Get("Sec-WebSocket-Extensions"); got {
	case "permessage-deflate; client_no_context_takeover; server_no_context_takeover":
		c.deflated = true
	case "":
	default:
		return nil, fmt.Errorf("%w: Sec-WebSocket-Extensions %q", errInvalid, got)
	}
	return c, nil
}

// read returns the server's next frame, checked.
func (c *wsClient) read() (frame, error) {
	if c.ended {
		if b, err := c.br.ReadByte(); err == nil {
			return frame{}, fmt.Errorf("%w: byte %#x after the close frame", errInvalid, b)
		}
		return frame{}, io.EOF
	}
	var head [2]byte
	if _, err := io.ReadFull(c.br, head[:]); err != nil {
		return frame{}, err
	}
	f := frame{first: head[0]}
	size, control := uint64(head[1]&0x7f), head[0]&0x8 != 0
	switch {
	case head[1]&0x80 != 0:
		return f, fmt.Errorf("%w: masked by a server (5.1)", errInvalid)
	case f.first&0x30 != 0 || f.first&rsv1 != 0 && (!c.deflated || f.op() != txt):
		return f, fmt.Errorf("%w: reserved bits in %#x (5.2)", errInvalid, f.first)
	case f.first&final == 0 || f.op() == more:
		return f, fmt.Errorf("%w: this server sends whole messages, not %#x", errInvalid, f.first)
	case f.op() != txt && f.op() != closes && f.op() != ping && f.op() != pong:
		return f, fmt.Errorf("%w: opcode of %#x", errInvalid, f.first)
	case control && size > 125:
		return f, fmt.Errorf("%w: control frame of %d or more (5.5)", errInvalid, size)
	}
	for code, width := range map[uint64]int{126: 2, 127: 8} {
		if uint64(head[1]) != code {
			continue
		}
		b := make([]byte, 8)
		if _, err := io.ReadFull(c.br, b[8-width:]); err != nil {
			return f, err
		}
		size = binary.BigEndian.Uint64(b)
		if width == 2 && size < 126 || width == 8 && size < 1<<16 || size > 1<<24 {
			return f, fmt.Errorf("%w: length %d in %d bytes (5.2)", errInvalid, size, width)
		}
	}
	f.payload = make([]byte, size)
	_, err := io.ReadFull(c.br, f.payload)
	return f, err
}

// message returns the next text, answers pings and closes.
func (c *wsClient) message() ([]byte, error) {
	for {
		f, err := c.read()
		if err != nil {
			return nil, err
		}
		switch f.op() {
		case ping:
			if !c.deaf {
				c.send(final|pong, f.payload)
			}
		case pong:
			c.pongs = append(c.pongs, f.payload)
		case closes:
			c.ended = true
			why := closed{code: 1005}
			if len(f.payload) > 0 {
				if len(f.payload) == 1 || !utf8.Valid(f.payload[2:]) {
					return nil, fmt.Errorf("%w: close payload %q", errInvalid, f.payload)
				}
				why = closed{int(binary.BigEndian.Uint16(f.payload)), string(f.payload[2:])}
			}
			c.send(final|closes, f.payload)
			return nil, why
		default:
			return c.inflate(f)
		}
	}
}

func (c *wsClient) inflate(f frame) ([]byte, error) {
	p := f.payload
	if f.first&rsv1 != 0 {
		// An empty last block ends the stream for this reader, after the tail that RFC 7692 (7.2.1) cuts off.
		tail := []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}
		var err error
		if p, err = io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(p), bytes.NewReader(tail)))); err != nil {
			return nil, fmt.Errorf("%w: %w", errInvalid, err)
		}
	}
	if !utf8.Valid(p) {
		return nil, fmt.Errorf("%w: text that is not UTF-8", errInvalid)
	}
	return p, nil
}

func (c *wsClient) next() (wire, error) {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return wire{}, err
	}
	p, err := c.message()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errNothing
	}
	if err != nil {
		return wire{}, err
	}
	var e wire
	if err := json.Unmarshal(p, &e); err != nil {
		return wire{}, fmt.Errorf("%w: %w", errInvalid, err)
	}
	if e.ID != "" {
		c.lastID = e.ID
	}
	return e, nil
}

// endWrites says that nothing more comes.
func (c *wsClient) endWrites() error { return c.Conn.(interface{ CloseWrite() error }).CloseWrite() }

func (c *wsClient) cursor() string { return c.lastID }
func (c *wsClient) close()         { _ = c.Close() }

// send writes a masked frame; an error shows in what comes back.
func (c *wsClient) send(first byte, payload []byte) { c.raw(masked(first, payload)) }

// text sends a text message.
func (c *wsClient) text(s string) { c.send(final|txt, []byte(s)) }

func (c *wsClient) raw(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.Write(b)
}
