//go:build linux

package clients

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http/httputil"
	"testing"
	"time"
)

// TestChunks cuts a chunked body into random pieces; what is left must be what went in.
func TestChunks(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var want, wire bytes.Buffer
		w := httputil.NewChunkedWriter(&wire)
		for range r.IntN(8) {
			part := make([]byte, 1+r.IntN(600))
			for i := range part {
				part[i] = "\r\n0aZ"[r.IntN(5)]
			}
			want.Write(part)
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		var c chunks
		for wire.Len() > 0 {
			got.Write(c.strip(wire.Next(1 + r.IntN(300))))
		}
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("strip = %q; want %q", got.Bytes(), want.Bytes())
		}
	}
}

func TestParseHead(t *testing.T) {
	tests := []struct {
		in   string
		want head
		bad  bool
	}{
		{in: "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket", want: head{status: 101, length: -1}},
		{in: "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\nX: y", want: head{status: 200, chunked: true, length: -1}},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: 12", want: head{status: 200, length: 12}},
		{in: "HTTP/1.1 200 OK\r\nContent-Length: many", bad: true},
		{in: "SSH-2.0", bad: true},
		{in: "", bad: true},
	}
	for _, tt := range tests {
		got, err := parseHead([]byte(tt.in))
		if (err != nil) != tt.bad || !tt.bad && got != tt.want {
			t.Errorf("parseHead(%q) = %+v, %v; want %+v", tt.in, got, err, tt.want)
		}
	}
}

func TestPayload(t *testing.T) {
	p := appendPayload(nil, 42, 100, time.Now())
	at, number, ok := parsePayload(p)
	if len(p) != 100 || !ok || number != 42 || at > now() || at < now()-int64(1e12) {
		t.Errorf("parsePayload(%q) = %d, %d, %v", p, at, number, ok)
	}
	for _, in := range []string{"", "12", "12 x y", " 1 2", "hello 3 ", "123456789012345678901234 5 "} {
		if _, _, ok := parsePayload([]byte(in)); ok {
			t.Errorf("parsePayload(%q) is one", in)
		}
	}
}

// FuzzTake has a client take what a server may send, in pieces.
func FuzzTake(f *testing.F) {
	f.Add([]byte("\x81\x05hello\x89\x00\x88\x02\x03\xe8"), 3)
	f.Add([]byte("\x81\x7e\x01\x00"+string(make([]byte, 256))), 100)
	f.Add([]byte("event: x\ndata: 1 2 3\n\ndata:4 5 6\r\n"), 1)
	f.Add([]byte("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"), 10)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		cut = max(0, min(cut, len(in)))
		for _, take := range []func(*loop, *client, []byte) ([]byte, error){
			func(l *loop, c *client, p []byte) ([]byte, error) { return l.takeFrames(c, p, 0) },
			func(l *loop, c *client, p []byte) ([]byte, error) { return l.takeLines(c, p, 0), nil },
		} {
			whole, parts := new(taken), new(taken)
			rest, err := take(whole.loop(), &client{fd: -1, state: ready, next: 1}, bytes.Clone(in))
			l, c := parts.loop(), &client{fd: -1, state: ready, next: 1}
			left, err2 := take(l, c, bytes.Clone(in[:cut]))
			if err2 == nil {
				left, err2 = take(l, c, append(bytes.Clone(left), in[cut:]...))
			}
			if (err == nil) != (err2 == nil) || err == nil && !bytes.Equal(rest, left) || whole.phase().deliveries != parts.phase().deliveries {
				t.Fatalf("whole: %q, %v, %d; cut: %q, %v, %d", rest, err, whole.phase().deliveries, left, err2, parts.phase().deliveries)
			}
		}
	})
}

// taken is a loop without sockets.
type taken struct{ l *loop }

func (k *taken) loop() *loop {
	k.l = &loop{tally: &tally{phase: newPhase(1, 10, 1), missing: make(map[missed]bool)}}
	return k.l
}

func (k *taken) phase() *tally { return k.l.tally }

func TestPublisherRefused(t *testing.T) {
	if _, err := newPublisher("http://127.0.0.1:1/publish"); err == nil {
		t.Error("a publisher without a server")
	}
	if err := Run(t.Context(), bytes.NewReader([]byte(`{"Stall":1}{`)), io.Discard); err == nil {
		t.Error("half an order is none")
	}
	var out bytes.Buffer
	if err := Run(t.Context(), bytes.NewReader([]byte(`{}`)), &out); err != nil || !bytes.Contains(out.Bytes(), []byte("do nothing")) {
		t.Errorf("Run = %v, %s", err, &out)
	}
}
