package transport

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzClientBytes sends anything after the handshake: the server answers with valid frames, and the stream ends with a close code or goes on.
func FuzzClientBytes(f *testing.F) {
	for _, op := range []string{`{"op":"ping","ref":"1"}`, `{"op":"subscribe","sub":"cpu"}`, `[]`, ``, `{"op":7}`, "\xff", `{"ref":"` + strings.Repeat("r", 100) + `"}`} {
		f.Add(masked(final|txt, []byte(op)), false)
	}
	for _, first := range []byte{txt, more, final | more, binar, final | closes, final | ping, final | pong, final | 3, final | 11, 0xff, final | rsv1 | txt} {
		f.Add(append(masked(first, []byte{3, 0xe8}), masked(final|txt, []byte("{}"))...), true)
	}
	f.Add([]byte{final | txt, 0}, false)
	f.Add([]byte{final | txt, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true)
	s := newSite(f, Options{}, false)
	f.Fuzz(func(t *testing.T, sent []byte, deflated bool) {
		header := make(http.Header)
		if deflated {
			header.Set("Sec-Websocket-Extensions", "permessage-deflate")
		}
		c := dialWS(t, s, query("unionId", "7"), header)
		defer c.close()
		c.raw(sent)
		// Ends whatever the bytes began: a whole message in a fragment, or half a frame.
		c.raw(masked(final|closes, closePayload(1000, "")))
		if err := c.endWrites(); err != nil {
			return // the server has closed already
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * patience)); err != nil {
			t.Fatal(err)
		}
		for {
			_, err := c.message()
			if errors.Is(err, errInvalid) {
				t.Fatalf("%q: %v", sent, err)
			}
			var why closed
			if errors.As(err, &why) {
				if why.code < 1000 || why.code == 1006 || why.code > 4999 {
					t.Errorf("%q: %v; want a code of the protocol", sent, why)
				}
				return
			}
			if err != nil {
				return // half a frame, then the end: nothing to answer
			}
		}
	})
}

// FuzzParseOp reads any text: an op, or a problem that can be told.
func FuzzParseOp(f *testing.F) {
	for _, s := range []string{`{"op":"ping","ref":"1"}`, `{}`, `{"op":1}`, `null`, "\x00", `{"op":"send","to":{"all":true},"data":{"a":[1]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		op, problem := parseOp(b)
		if (op.Op == "") == (problem == nil) && problem == nil {
			t.Errorf("parseOp(%q) = %+v and no problem", b, op)
		}
		if e := newEvent("reply", "", problem); len(e.data) > 2000 {
			t.Errorf("parseOp(%q): a problem of %d bytes", b, len(e.data))
		}
	})
}

// TestParseOpNames says which field of an op is wrong.
func TestParseOpNames(t *testing.T) {
	for text, want := range map[string]string{
		`{"op":"ping","ref":5}`: "ref is of type number: want a string", `{"op":{}}`: "op is of type object: want a string",
		`{"op":"join","ref":"1","room":["r"]}`: "room is of type array: want a string",
		`[]`:                                   `[]: want a JSON object with "op"`, `{"ref":"1"}`: `{"ref":"1"}: want a JSON object with "op"`, `{`: `{: want a JSON object with "op"`,
	} {
		if _, wrong := parseOp([]byte(text)); !strings.HasPrefix(wrong.(problem).Detail, want) {
			t.Errorf("parseOp(%s): %v; want %s", text, wrong, want)
		}
	}
}

// TestWrongFrames holds that wrong ones are answered, and that 20 in a row end the stream, fewer do not.
func TestWrongFrames(t *testing.T) {
	s := newSite(t, Options{}, false)
	c := dialWS(t, s, query(), nil)
	wants(t, "first", reads(t, c, 1), "hello")
	for range 3 {
		for range mostWrong - 1 {
			c.text("wrong")
		}
		c.text(`{"op":"ping"}`)
		wants(t, "answers", reads(t, c, mostWrong), strings.TrimSuffix(strings.Repeat("reply, ", mostWrong), ", "))
	}
	for range mostWrong + 1 {
		c.text(`{"op":"refused"}`) // makes sense, and is refused
	}
	wants(t, "refused", reads(t, c, mostWrong+1), strings.TrimSuffix(strings.Repeat("reply, ", mostWrong+1), ", "))
	for range mostWrong {
		c.text(`{"op":"fly"}`)
	}
	wants(t, "20 in a row", reads(t, c, mostWrong+1), strings.Repeat("reply, ", mostWrong)+"closed 4400 20 wrong frames in a row")
}

func TestOps(t *testing.T) {
	s := newSite(t, Options{}, false)
	put(s.Hub, "cpu", 1)
	put(s.Hub, "mem", 2)
	c := dialWS(t, s, query("unionId", "7", "name", "Ann", "session", "tab", "sub", "cpu"), nil)
	wants(t, "first", reads(t, c, 2), "hello, reading cpu 1")
	reply := func(op, want string) {
		t.Helper()
		c.text(op)
		e, err := c.next()
		if err != nil || e.Event != "reply" {
			t.Fatalf("%s: %+v, %v; want a reply", op, e, err)
		}
		wants(t, op, string(e.Data), want)
	}
	reply(`{"op":"subscribe","ref":"1","sub":"mem"}`, `{"ref":"1","result":{"sub":"mem"}}`)
	wants(t, "after the reply", reads(t, c, 1), "reading mem 2")
	reply(`{"op":"join","room":"r"}`, `{"result":{"room":"r"}}`)
	reply(`{"op":"who"}`, `{"result":{"name":"Ann","rooms":["r"],"session":"tab","topics":["cpu","mem"],"unionId":"7"}}`)
	reply(`{"op":"panic","ref":"2"}`, `{"ref":"2","problem":{"type":"about:blank","title":"Internal Server Error","status":500,"detail":"the server failed at this; it has been noted"}}`)
	say(s.Hub, 1, Address{Room: "r"})
	wants(t, "in the room", reads(t, c, 1), "message 1")
	reply(`{"op":"leave","room":"r"}`, `{"result":{"room":"r"}}`)
	say(s.Hub, 2, Address{Room: "r"})
	reply(`{"op":"unsubscribe","sub":"cpu"}`, `{"result":{"sub":"cpu"}}`)
	put(s.Hub, "cpu", 3)
	put(s.Hub, "mem", 3)
	wants(t, "what is left", reads(t, c, 1), "reading mem 3 same")
}
