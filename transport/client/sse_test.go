package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func parsed(r io.Reader) (list []string) {
	p := newParser(r)
	for {
		name, id, data, err := p.next()
		if err != nil {
			return list
		}
		list = append(list, fmt.Sprintf("%s|%s|%s", name, id, data))
	}
}

func TestParser(t *testing.T) {
	tests := []struct{ in, want string }{
		{"event: a\nid: 1\ndata: x\n\ndata: y\n\n", "a|1|x ||y"},
		{"event:a\r\ndata:x\r\n\r\ndata:y\r\rdata: z\n\n", "a||x ||y ||z"},
		{": hi\n\nretry: 3\nevent: a\n\ndata: x\n\n", "||x"},
		{"data: x\ndata:  y\ndata\n\n", "||x\n y\n"},
		{"data: cut", ""},
		{"id: a\x00b\ndata: x\n\n", "||x"},
	}
	for _, tt := range tests {
		if got := strings.Join(parsed(strings.NewReader(tt.in)), " "); got != tt.want {
			t.Errorf("parsed %q = %q; want %q", tt.in, got, tt.want)
		}
	}
}

// FuzzParser reads the same from a stream in one piece and in many, whatever its line ends, and never more than went in.
func FuzzParser(f *testing.F) {
	f.Add("event: hello\nid: e-1\ndata: {\"time\":1}\n\n")
	f.Add("retry: 2000\r\nevent: bye\r\ndata: {}\r\n\r\ndata:\r\r")
	f.Fuzz(func(t *testing.T, text string) {
		whole := parsed(strings.NewReader(text))
		if parts := parsed(iotest.OneByteReader(strings.NewReader(text))); fmt.Sprint(parts) != fmt.Sprint(whole) {
			t.Errorf("in parts %q; want %q", parts, whole)
		}
		unix := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
		if got := parsed(strings.NewReader(unix)); fmt.Sprint(got) != fmt.Sprint(whole) {
			t.Errorf("with other line ends %q; want %q", got, whole)
		}
		if size := len(strings.Join(whole, "")); size > len(text)+2*len(whole) {
			t.Errorf("%d bytes came out of %d", size, len(text))
		}
	})
}

func TestTooLong(t *testing.T) {
	p := &parser{in: bufio.NewReader(io.MultiReader(strings.NewReader("data: "), endless{}))}
	if _, _, _, err := p.next(); !errors.Is(err, errTooLong) {
		t.Errorf("next = %v; want %v", err, errTooLong)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
