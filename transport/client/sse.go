package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
)

// mostEvent is how large an event may be, in bytes.
const mostEvent = 16 << 20

var errTooLong = errors.New("client: an event of more than 16 MiB")

// parser reads text/event-stream (WHATWG HTML, 9.2.6). The id is given to the event that it came with, and not to those after it: ids of
// pulsewall are positions, and what has none moves nobody.
type parser struct {
	in   *bufio.Reader
	crlf bool // the last line ended with CR: an LF now belongs to it
}

func newParser(r io.Reader) *parser { return &parser{in: bufio.NewReader(r)} }

// next returns the next event that has a name or data.
func (p *parser) next() (name, id string, data []byte, err error) {
	some := false
	for size := 0; ; {
		line, err := p.line(mostEvent - size)
		if err != nil {
			return "", "", nil, err // what is not ended by an empty line is not an event
		}
		if size += len(line); len(line) == 0 {
			if some {
				return name, id, bytes.TrimSuffix(data, []byte("\n")), nil
			}
			name, id = "", ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			data = append(append(data, value...), '\n')
			some = true
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				id = string(value)
			}
		}
	}
}

// line reads up to CR, LF or CR LF, of at most so many bytes.
func (p *parser) line(most int) ([]byte, error) {
	var line []byte
	for {
		b, err := p.in.ReadByte()
		if err != nil {
			return nil, err
		}
		after := p.crlf
		p.crlf = b == '\r'
		switch {
		case b == '\n' && after:
		case b == '\n' || b == '\r':
			return line, nil
		case len(line) >= most:
			return nil, errTooLong
		default:
			line = append(line, b)
		}
	}
}

// stream is an event stream.
type stream struct {
	body io.Closer
	in   *parser
}

func openStream(ctx context.Context, l *link, after string) (wire, error) {
	resp, err := l.c.get(ctx, SSE, l.c.query(after), "text/event-stream")
	if err != nil {
		return nil, err
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "text/event-stream" {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("client: the answer is %q: want an event stream", kind)
	}
	return &stream{body: resp.Body, in: newParser(resp.Body)}, nil
}

func (s *stream) next() ([]item, error) {
	name, id, data, err := s.in.next()
	if err != nil {
		return nil, err
	}
	return []item{{event: wireEvent{Event: name, ID: id, Data: data}, bytes: len(data)}}, nil
}

func (s *stream) send([]byte) error { return errNoWay }

func (s *stream) close() { _ = s.body.Close() }
