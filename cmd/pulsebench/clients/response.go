//go:build linux

package clients

import (
	"bytes"
	"fmt"
	"strconv"
)

var headEnd = []byte("\r\n\r\n")

// head is what matters of the head of an HTTP response.
type head struct {
	status  int
	chunked bool
	length  int // −1: not said
}

// parseHead reads a head without its empty line.
func parseHead(p []byte) (head, error) {
	h := head{length: -1}
	first, rest, _ := bytes.Cut(p, []byte("\r\n"))
	if fields := bytes.Fields(first); len(fields) > 1 && bytes.HasPrefix(first, []byte("HTTP/1.")) {
		h.status, _ = strconv.Atoi(string(fields[1]))
	}
	if h.status == 0 {
		return h, fmt.Errorf("no HTTP response: %.100q", p)
	}
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("Content-Length")):
			length, err := strconv.Atoi(string(value))
			if err != nil {
				return h, fmt.Errorf("length of a response: %w", err)
			}
			h.length = length
		}
	}
	return h, nil
}

// chunks takes the chunking out of a body that comes in pieces (RFC 9112, 7.1).
type chunks struct {
	left   int  // bytes of this chunk that are to come, with the line end behind them; 0: a size comes
	size   int  // as far as it was read
	behind bool // the size itself has ended; its line has not
}

// strip takes what of p is no content out of it, in place.
func (c *chunks) strip(p []byte) []byte {
	content := p[:0]
	for len(p) > 0 {
		if c.left > 0 {
			n := min(c.left, len(p))
			text := min(n, max(c.left-len("\r\n"), 0))
			content = append(content, p[:text]...)
			c.left -= n
			p = p[n:]
			continue
		}
		b := p[0]
		p = p[1:]
		switch digit := hexDigit(b); {
		case b == '\n':
			c.left = c.size + len("\r\n")
			c.size, c.behind = 0, false
		case digit < 0:
			c.behind = true // an extension, or the line end
		case !c.behind:
			c.size = c.size<<4 | digit
		}
	}
	return content
}

func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}
