package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// closePayload is the body of a close frame.
func closePayload(code int, reason string) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(code)), reason...) // #nosec G115 -- codes are small
}

func TestHandshake(t *testing.T) {
	tests := []struct {
		name   string
		header http.Header
		status int
		answer http.Header // what must stand in the answer
	}{
		{"plain", nil, 101, nil},
		{"any case", http.Header{"Upgrade": {"WebSocket"}, "Connection": {"keep-alive, upgrade"}}, 101, nil},
		{"subprotocol", http.Header{"Sec-Websocket-Protocol": {"other, pulsewall.v1"}}, 101, http.Header{"Sec-Websocket-Protocol": {"pulsewall.v1"}}},
		{"another subprotocol", http.Header{"Sec-Websocket-Protocol": {"other"}}, 101, http.Header{"Sec-Websocket-Protocol": nil}},
		{"old version", http.Header{"Sec-Websocket-Version": {"8"}}, 400, http.Header{"Sec-Websocket-Version": {"13"}}},
		{"no version", http.Header{"Sec-Websocket-Version": {"-"}}, 400, http.Header{"Sec-Websocket-Version": {"13"}}},
		{"no key", http.Header{"Sec-Websocket-Key": {"-"}}, 400, nil},
		{"short key", http.Header{"Sec-Websocket-Key": {"c2hvcnQ="}}, 400, nil},
		{"two keys", http.Header{"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="}}, 400, nil},
		{"no upgrade", http.Header{"Upgrade": {"-"}}, 426, http.Header{"Upgrade": {"websocket"}}},
		{"no connection", http.Header{"Connection": {"-"}}, 426, http.Header{"Upgrade": {"websocket"}}},
	}
	s := newSite(t, Options{}, false)
	for _, tt := range tests {
		c, err := shakeHands(connect(t, s), s, query(), tt.header)
		if err != nil || c.response.StatusCode != tt.status {
			t.Errorf("%s: %v, %v; want %d", tt.name, c.response, err, tt.status)
			continue
		}
		for name, values := range tt.answer {
			equal(t, tt.name+": "+name, c.response.Header[name], values)
		}
		if tt.status == 101 {
			wants(t, tt.name, reads(t, c, 1), "hello")
		}
		c.close()
	}
}

func TestDeflateOffers(t *testing.T) {
	tests := []struct {
		offer string
		want  bool
	}{
		{"permessage-deflate", true},
		{"permessage-deflate; client_max_window_bits", true},
		{"permessage-deflate; client_max_window_bits=8", true},
		{`permessage-deflate; client_max_window_bits="15"`, true},
		{"permessage-deflate; client_no_context_takeover; server_no_context_takeover", true},
		{"foo, permessage-deflate", true},
		{"permessage-deflate; server_max_window_bits=10, permessage-deflate", true},
		{"permessage-deflate; server_max_window_bits=15", false},
		{"permessage-deflate; server_max_window_bits", false},
		{"permessage-deflate; client_max_window_bits=7", false},
		{"permessage-deflate; client_max_window_bits=16", false},
		{"permessage-deflate; client_max_window_bits=08", false},
		{"permessage-deflate; client_max_window_bits=+9", false},
		{"permessage-deflate; client_max_window_bits=", false},
		{"permessage-deflate; client_max_window_bits; client_max_window_bits", false},
		{"permessage-deflate; client_no_context_takeover; client_no_context_takeover", false},
		{"permessage-deflate; client_no_context_takeover=1", false},
		{"permessage-deflate; unheard_of", false},
		{"permessage-deflate;", false},
		{"x-webkit-deflate-frame", false},
		{"", false},
	}
	s := newSite(t, Options{}, false)
	s.Put(NewUpdate("cpu", 1, 0, text{"cpu", 1, 1000}))
	for _, tt := range tests {
		c := dialWS(t, s, query("sub", "cpu"), http.Header{"Sec-Websocket-Extensions": {tt.offer}})
		if c.deflated != tt.want {
			t.Errorf("%q: deflated %v; want %v", tt.offer, c.deflated, tt.want)
		}
		wants(t, tt.offer, reads(t, c, 2), "hello, reading cpu 1")
		c.close()
	}
}

// A frameTest is what a client sends, and what comes back: texts, pongs, and how it ends.
type frameTest struct {
	name string
	send [][]byte
	want string
}

func frameTests() []frameTest {
	const op = `{"op":"ping","ref":"1"}`
	unmasked := []byte{final | txt, 2, '{', '}'}
	return []frameTest{
		{"text", [][]byte{masked(final|txt, []byte(op))}, "reply"},
		{"in three fragments with pings between", [][]byte{
			masked(txt, []byte(op[:5])), masked(final|ping, []byte("a")), masked(more, []byte(op[5:9])), masked(final|ping, nil), masked(final|more, []byte(op[9:])),
		}, "reply, pong a, pong "},
		{"empty fragments", [][]byte{masked(txt, nil), masked(more, []byte(op)), masked(final|more, nil)}, "reply"},
		{"ping of 125 bytes", [][]byte{masked(final|ping, bytes.Repeat([]byte("p"), 125))}, "pong " + strings.Repeat("p", 125)},
		{"pong nobody asked for", [][]byte{masked(final|pong, []byte("x")), masked(final|txt, []byte(op))}, "reply"},
		{"length in more bytes than it needs", [][]byte{append([]byte{final | txt, 0x80 | 126, 0, 2, 0, 0, 0, 0}, "{}"...)}, "reply"},
		{"of 64 KiB", [][]byte{masked(final|txt, bytes.Repeat([]byte("x"), 64<<10))}, "reply"},
		{"of more", [][]byte{masked(final|txt, bytes.Repeat([]byte("x"), 64<<10+1))}, "closed 1009"},
		{"of more in fragments", [][]byte{masked(txt, bytes.Repeat([]byte("x"), 40_000)), masked(final|more, bytes.Repeat([]byte("x"), 40_000))}, "closed 1009"},
		{"not UTF-8", [][]byte{masked(final|txt, []byte("{\xff}"))}, "closed 1007"},
		{"half a character", [][]byte{masked(txt, []byte("\xe2\x82")), masked(final|more, []byte("\xac"))}, "reply"},
		{"binary", [][]byte{masked(final|binar, []byte(op))}, "closed 1003"},
		{"unmasked", [][]byte{unmasked}, "closed 1002"},
		{"reserved bit 1 without deflate", [][]byte{masked(final|rsv1|txt, []byte(op))}, "closed 1002"},
		{"reserved bit 2", [][]byte{masked(final|0x20|txt, []byte(op))}, "closed 1002"},
		{"reserved bit 3", [][]byte{masked(final|0x10|ping, nil)}, "closed 1002"},
		{"opcode 3", [][]byte{masked(final|3, nil)}, "closed 1002"},
		{"opcode 11", [][]byte{masked(final|11, nil)}, "closed 1002"},
		{"continuation of nothing", [][]byte{masked(final|more, []byte("x"))}, "closed 1002"},
		{"text within a text", [][]byte{masked(txt, []byte("{")), masked(final|txt, []byte("}"))}, "closed 1002"},
		{"ping in fragments", [][]byte{masked(ping, nil)}, "closed 1002"},
		{"ping of 126 bytes", [][]byte{masked(final|ping, make([]byte, 126))}, "closed 1002"},
		{"length with the highest bit", [][]byte{{final | txt, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}, "closed 1002"},
		{"close", [][]byte{masked(final|closes, closePayload(1000, "done"))}, "closed 1000 done"},
		{"close, then more", [][]byte{masked(final|closes, closePayload(1000, "")), masked(final|txt, []byte(op)), masked(final|ping, nil)}, "closed 1000"},
		{"close with nothing", [][]byte{masked(final|closes, nil)}, "closed 1005"},
		{"close with half a code", [][]byte{masked(final|closes, []byte{3})}, "closed 1002"},
		{"close with a reason that is not UTF-8", [][]byte{masked(final|closes, closePayload(1000, "\xff"))}, "closed 1007"},
		{"close of 126 bytes", [][]byte{masked(final|closes, closePayload(1000, strings.Repeat("x", 124)))}, "closed 1002"},
		{"close of 125 bytes", [][]byte{masked(final|closes, closePayload(1000, strings.Repeat("x", 123)))}, "closed 1000 " + strings.Repeat("x", 123)},
	}
}

// TestFrames sends what a client may and may not.
func TestFrames(t *testing.T) {
	tests := frameTests()
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999} {
		tests = append(tests, frameTest{fmt.Sprint("close ", code), [][]byte{masked(final|closes, closePayload(code, ""))}, fmt.Sprint("closed ", code)})
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		tests = append(tests, frameTest{fmt.Sprint("close ", code), [][]byte{masked(final|closes, closePayload(code, ""))}, "closed 1002"})
	}
	s := newSite(t, Options{}, false)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := dialWS(t, s, query(), nil)
			wants(t, "first", reads(t, c, 1), "hello")
			for _, f := range tt.send {
				c.raw(f)
			}
			wants(t, "comes back", back(t, c, tt.want), tt.want)
		})
	}
}

// back tells what comes back until it is as long as wanted or the stream ends.
func back(t *testing.T, c *wsClient, want string) string {
	t.Helper()
	var texts, pongs []string
	for {
		if got := strings.Join(append(texts, pongs...), ", "); len(got) >= len(want) {
			return got
		}
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return err.Error()
		}
		f, err := c.read()
		switch {
		case err != nil:
			return strings.Join(append(texts, err.Error()), ", ")
		case f.op() == pong:
			pongs = append(pongs, "pong "+string(f.payload))
		case f.op() == txt:
			texts = append(texts, "reply")
		case f.op() == closes:
			c.ended = true
			got := "closed 1005"
			if len(f.payload) > 1 {
				got = "closed " + fmt.Sprint(binary.BigEndian.Uint16(f.payload))
			}
			if reason := string(f.payload[min(2, len(f.payload)):]); strings.HasSuffix(want, reason) && reason != "" {
				got += " " + reason
			}
			c.send(final|closes, f.payload)
			if _, err := c.read(); !errors.Is(err, io.EOF) && errors.Is(err, errInvalid) {
				return err.Error()
			}
			return strings.Join(append(texts, got), ", ")
		}
	}
}

func TestDeflatedFrames(t *testing.T) {
	s := newSite(t, Options{}, false)
	deflate := http.Header{"Sec-Websocket-Extensions": {"permessage-deflate"}}
	short := func(p []byte) []byte { b := segment(p); return b[:len(b)-4] }
	tests := []struct {
		name string
		send [][]byte
		want string
	}{
		{"text", [][]byte{masked(final|rsv1|txt, short([]byte(`{"op":"ping"}`)))}, "reply"},
		{"not deflated", [][]byte{masked(final|txt, []byte(`{"op":"ping"}`))}, "reply"},
		{"in fragments", [][]byte{masked(rsv1|txt, short([]byte(`{"op":"ping"}`))[:4]), masked(final|more, short([]byte(`{"op":"ping"}`))[4:])}, "reply"},
		{"a bomb", [][]byte{masked(final|rsv1|txt, short(make([]byte, 10<<20)))}, "closed 1009"},
		{"not deflate at all", [][]byte{masked(final|rsv1|txt, []byte("\xff\xff\xff\xff"))}, "closed 1002"},
		{"the bit on a continuation", [][]byte{masked(rsv1|txt, nil), masked(final|rsv1|more, nil)}, "closed 1002"},
		{"the bit on a ping", [][]byte{masked(final|rsv1|ping, nil)}, "closed 1002"},
		{"not UTF-8", [][]byte{masked(final|rsv1|txt, short([]byte("\xff")))}, "closed 1007"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := dialWS(t, s, query(), deflate)
			wants(t, "first", reads(t, c, 1), "hello")
			for _, f := range tt.send {
				c.raw(f)
			}
			wants(t, "comes back", back(t, c, tt.want), tt.want)
		})
	}
}

func TestManyPings(t *testing.T) {
	s := newSite(t, Options{}, false)
	c := dialWS(t, s, query("sub", "cpu"), nil)
	wants(t, "first", reads(t, c, 1), "hello")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() { // data and pongs at the same time
		defer close(done)
		for v := int64(1); ; v++ {
			select {
			case <-stop:
				return
			default:
				put(s.Hub, "cpu", v)
			}
		}
	}()
	const n = 200
	for i := range n {
		c.send(final|ping, fmt.Append(nil, i))
	}
	for len(c.pongs) < n {
		if _, err := c.next(); err != nil {
			t.Fatalf("after %d pongs: %v", len(c.pongs), err)
		}
	}
	close(stop)
	<-done
	for i, p := range c.pongs[:n] {
		wants(t, "pong", string(p), fmt.Sprint(i))
	}
}

// TestCloseOfHalfAMessage holds that a client that announces more than it sends cannot keep a connection that is being closed.
func TestCloseOfHalfAMessage(t *testing.T) {
	s := newSite(t, Options{}, false)
	c := dialWS(t, s, query(), nil)
	wants(t, "first", reads(t, c, 1), "hello")
	c.raw(masked(final|txt, make([]byte, 1<<20))[:70<<10])
	wants(t, "comes back", reads(t, c, 1), "closed 1009 read limited at 65537 bytes")
	eventually(t, func() error {
		if len(s.ended()) == 0 {
			return errors.New("the connection is kept")
		}
		return nil
	})
}
