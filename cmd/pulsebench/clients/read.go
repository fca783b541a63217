//go:build linux

package clients

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// First bytes of frames (RFC 6455, 5.2): servers send whole ones.
const (
	textFrame   = 0x81
	binaryFrame = 0x82
	closeFrame  = 0x88
	pingFrame   = 0x89
	pongFrame   = 0x8a
	masked      = 0x80
	length16    = 126
	length64    = 127
)

// read takes what has come for a client, once.
func (l *loop) read(c *client) error {
	kept := copy(l.buf, c.rest)
	if kept == len(l.buf) {
		return fmt.Errorf("a piece of more than %d bytes", len(l.buf))
	}
	n, err := unix.Read(c.fd, l.buf[kept:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return nil
	case err != nil:
		return fmt.Errorf("read: %w", err)
	case n == 0:
		return io.EOF
	}
	if l.tally != nil {
		l.tally.bytes += int64(n)
	}
	fresh := l.buf[kept : kept+n]
	if c.chunked {
		fresh = c.chunks.strip(fresh)
	}
	rest, err := l.take(c, l.buf[:kept+len(fresh)], now())
	if err == nil {
		c.rest = append(c.rest[:0], rest...)
		if len(rest) == 0 && cap(c.rest) > bufferSize/64 {
			c.rest = nil
		}
	}
	return err
}

// take takes all that is whole and returns what is not.
func (l *loop) take(c *client, p []byte, at int64) (rest []byte, err error) {
	if l.transport == compare.LongPoll {
		return l.takeAnswer(c, p, at)
	}
	if c.state == asking {
		end := bytes.Index(p, headEnd)
		if end < 0 {
			return p, nil
		}
		if p, err = l.open(c, p[:end], p[end+len(headEnd):]); err != nil {
			return nil, err
		}
	}
	if l.transport == compare.WebSocket {
		return l.takeFrames(c, p, at)
	}
	return l.takeLines(c, p, at), nil
}

// open reads the head of a stream's response.
func (l *loop) open(c *client, text, behind []byte) ([]byte, error) {
	h, err := parseHead(text)
	if err != nil {
		return nil, err
	}
	want := http.StatusOK
	if l.transport == compare.WebSocket {
		want = http.StatusSwitchingProtocols
	}
	if h.status != want {
		return nil, fmt.Errorf("refused: %.300q %.300q", text, behind)
	}
	c.state = greeting
	if h.chunked {
		c.chunked = true
		behind = c.chunks.strip(behind)
	}
	if l.stream.Hello != "" {
		if err := c.send(appendFrame(nil, textFrame, []byte(l.stream.Hello))); err != nil {
			return nil, err
		}
	}
	if len(l.ready) == 0 {
		l.becomeReady(c)
	}
	return behind, nil
}

// appendFrame appends a frame of a client. Its mask is of zeros, which leaves the payload as it is.
func appendFrame(b []byte, first byte, payload []byte) []byte {
	b = append(b, first)
	if len(payload) < length16 {
		b = append(b, masked|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, masked|length16), uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

func (l *loop) takeFrames(c *client, p []byte, at int64) (rest []byte, err error) {
	for len(p) >= 2 {
		start, size := 2, int(p[1])
		switch size {
		case length16:
			start = 4
		case length64:
			start = 10
		}
		if len(p) < start {
			break
		}
		switch size {
		case length16:
			size = int(binary.BigEndian.Uint16(p[2:]))
		case length64:
			size = int(binary.BigEndian.Uint64(p[2:]))
		}
		if size < 0 || size > bufferSize-start {
			return nil, fmt.Errorf("a frame of %d bytes", size)
		}
		if len(p) < start+size {
			break
		}
		payload := p[start : start+size]
		switch p[0] {
		case textFrame, binaryFrame:
			err = l.message(c, payload, at)
		case pingFrame:
			err = c.send(appendFrame(nil, pongFrame, payload))
		case pongFrame:
		case closeFrame:
			err = fmt.Errorf("closed: %.150q", payload)
		default:
			err = fmt.Errorf("frame %#x", p[0])
		}
		if err != nil {
			return nil, err
		}
		p = p[start+size:]
	}
	return p, nil
}

// takeLines takes the data lines of events.
func (l *loop) takeLines(c *client, p []byte, at int64) (rest []byte) {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			return p
		}
		line := p[:end]
		p = p[end+1:]
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			_ = l.message(c, bytes.TrimPrefix(data, []byte(" ")), at) // only a WebSocket answers
		}
	}
}

// takeAnswer takes the answer to a poll, and polls again.
func (l *loop) takeAnswer(c *client, p []byte, at int64) (rest []byte, err error) {
	end := bytes.Index(p, headEnd)
	if end < 0 {
		return p, nil
	}
	h, err := parseHead(p[:end])
	if err != nil {
		return nil, err
	}
	body := p[end+len(headEnd):]
	switch {
	case h.chunked && !bytes.HasSuffix(body, []byte("0\r\n\r\n")), !h.chunked && len(body) < h.length:
		return p, nil
	case h.chunked:
		body = new(chunks).strip(body)
	}
	if h.status != http.StatusOK {
		return nil, fmt.Errorf("refused: %.300q %.300q", p[:end], body)
	}
	place := text(body, `"cursor":"`)
	if len(place) == 0 {
		return nil, fmt.Errorf("no cursor in %.300q", body)
	}
	if len(c.session) == 0 { // who did not repeat it would be counted as somebody else each time
		c.session = bytes.Clone(text(body, `"session":"`))
	}
	line := bytes.IndexByte(l.request, ' ') + 1
	path := line + bytes.IndexByte(l.request[line:], ' ')
	again := slices.Concat(l.request[:path], []byte("&after="), place, []byte("&session="), c.session, l.request[path:])
	if err := c.send(again); err != nil {
		return nil, err
	}
	if c.state == asking {
		c.state = greeting
		l.becomeReady(c)
	}
	return nil, l.message(c, body, at)
}

// text is what follows prefix in JSON, up to the quote; empty: it is not there.
func text(body []byte, prefix string) []byte {
	_, after, _ := bytes.Cut(body, []byte(prefix))
	text, _, whole := bytes.Cut(after, []byte(`"`))
	if !whole {
		return nil
	}
	return text
}

// message takes a message of the server.
func (l *loop) message(c *client, text []byte, at int64) error {
	if len(l.ping) > 0 && bytes.Equal(text, l.ping) {
		return c.send(appendFrame(nil, textFrame, []byte(l.stream.Pong)))
	}
	if c.state == greeting && bytes.Contains(text, l.ready) {
		l.becomeReady(c)
	}
	if len(l.before) == 0 {
		l.payload(c, text, at)
		return nil
	}
	for {
		start := bytes.Index(text, l.before)
		if start < 0 {
			return nil
		}
		text = text[start+len(l.before):]
		l.payload(c, text, at)
	}
}

func (l *loop) payload(c *client, p []byte, at int64) {
	sent, number, ok := parsePayload(p)
	if !ok || l.tally == nil || number < l.tally.phase.first || c.stalled {
		return // of an earlier phase, or none
	}
	l.tally.took.add(time.Duration(at - sent))
	l.tally.last = max(l.tally.last, at)
	l.tally.note(c, number, l.stream.Newest)
}
