package wsconn

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/pulsewall/pulsewall/transport/patient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFrameLengths(t *testing.T) {
	for n, head := range map[int]string{0: "\x81\x00", 125: "\x81\x7d", 126: "\x81\x7e\x00\x7e", 65535: "\x81\x7e\xff\xff", 65536: "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"} {
		f := TextFrame(bytes.Repeat([]byte("x"), n))
		if string(f[:len(head)]) != head || len(f) != len(head)+n {
			t.Errorf("frame of %d bytes begins %q; want %q", n, f[:len(head)], head)
		}
	}
	if f := DeflatedFrame([]byte("abc\x00\x00\xff\xff")); string(f) != "\xc1\x03abc" {
		t.Errorf("deflated frame = %q; want its tail cut", f)
	}
}

// TestEndOfFrame: whatever was cut where, it goes on to the end of its frame.
func TestEndOfFrame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		form := frame
		if rapid.Bool().Draw(t, "masked") {
			form = maskedFrame
		}
		p, ends := []byte(nil), []int{0}
		for range rapid.IntRange(1, 4).Draw(t, "frames") {
			size := rapid.SampledFrom([]int{0, 1, 125, 126, 4000, 65535, 65536}).Draw(t, "size")
			p = append(p[:len(p):len(p)], form(fin|opText, make([]byte, size))...)
			ends = append(ends, len(p))
		}
		n := rapid.IntRange(0, len(p)).Draw(t, "cut")
		want := 0
		for _, end := range ends {
			if want = end; end >= n {
				break
			}
		}
		if got := endOfFrame(p, n); got != want {
			t.Fatalf("cut at %d of frames that end at %v: to be ended at %d; want %d", n, ends, got, want)
		}
	})
}

// pipe is a socket and the peer's end of it.
func pipe(t *testing.T) (*socket, net.Conn) {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close(); _ = theirs.Close() })
	return newSocket(ours, 10*time.Second), theirs
}

func TestControlFramesWaitForTend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer := pipe(t)
		pong := frame(fin|0xA, []byte("1"))
		for range 2 * (4 << 10) / len(pong) { // nobody reads, and nothing waits
			if _, err := s.Write(pong); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Write(frame(fin|0xA, []byte("2"))); err != nil {
			t.Fatal(err)
		}
		go func() { _ = s.out.Write([]byte("data")); _ = s.Close() }()
		b, err := io.ReadAll(peer)
		if control, ok := bytes.CutSuffix(b, append(frame(fin|0xA, []byte("2")), "data"...)); !ok || err != nil || len(control) > 4<<10 {
			t.Errorf("peer got %d bytes that end with %q, %v; want 4 KiB of pongs, the newest, then data", len(b), b[max(0, len(b)-10):], err)
		}
	})
}

func TestNothingAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer := pipe(t)
		got := make(chan []byte)
		go func() { b, _ := io.ReadAll(peer); got <- b }()
		bye := frame(fin|opClose, []byte{3, 0xe8})
		for _, f := range [][]byte{bye, frame(fin|opPing, nil), frame(fin|opClose, []byte{3, 0xe9})} {
			if n, err := s.Write(f); n != len(f) || err != nil {
				t.Errorf("Write = %d, %v; want it taken", n, err)
			}
		}
		if err := s.out.Write([]byte("data")); !errors.Is(err, patient.ErrSaid) {
			t.Errorf("Write = %v; want ErrSaid", err)
		}
		if _, err := s.Read(make([]byte, 1)); err == nil { // the peer says nothing for closeWait
			t.Error("Read = nil; want a deadline")
		}
		_ = s.Conn.Close()
		if b := <-got; !bytes.Equal(b, bye) {
			t.Errorf("peer got %q; want the close frame alone", b)
		}
	})
}

func TestMended(t *testing.T) {
	tests := []struct{ in, want string }{
		{"\x88\x00", "\x88\x00"},
		{"\x88\x02\x03\xe8", "\x88\x02\x03\xe8"},
		{"\x88\x04\x03\xe8ok", "\x88\x04\x03\xe8ok"},
		{"\x88\x03\x03\xe8\xff", "\x88\x02\x03\xef"}, // 1007
		{"\x8a\x03\xff\xff\xff", "\x8a\x03\xff\xff\xff"},
		{"\x88\x80\x01\x02\x03\x04", "\x88\x80\x01\x02\x03\x04"},
		{"\x88\x83\x00\x00\x00\x00\x03\xe8x", "\x88\x83\x00\x00\x00\x00\x03\xe8x"},
	}
	for _, tt := range tests {
		if got := mended([]byte(tt.in)); string(got) != tt.want {
			t.Errorf("mended(%q) = %q; want %q", tt.in, got, tt.want)
		}
	}
}

// TestMendedMasked: the echo of a dialled connection is masked, and so is what replaces it.
func TestMendedMasked(t *testing.T) {
	got := mended(maskedFrame(fin|opClose, []byte("\x03\xe8\xff")))
	if len(got) != 8 || got[0] != fin|opClose || got[1] != masked|2 {
		t.Fatalf("mended = %q; want a masked close frame with a code alone", got)
	}
	code := make([]byte, 2)
	if disguise(code, got[6:], got[2:6]); string(code) != "\x03\xef" {
		t.Errorf("code %q; want 1007", code)
	}
}

// TestTendGivesUp: a peer that takes pings and answers none is given up.
func TestTendGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer := pipe(t)
		c := &Conn{socket: s, form: frame}
		go func() { _, _ = io.Copy(io.Discard, peer) }() // takes the pings, never answers
		began := time.Now()
		err := c.Tend(t.Context(), 15*time.Second, 35*time.Second)
		if took := time.Since(began); err == nil || !strings.Contains(err.Error(), "nothing heard") || took < 35*time.Second || took > 37*time.Second {
			t.Errorf("Tend = %v after %v; want it to give up after 35 s", err, took)
		}
		_ = peer.Close()
	})
}

func TestTendIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := pipe(t) // takes no ping
		began := time.Now()
		err := (&Conn{socket: s, form: frame}).Tend(t.Context(), 15*time.Second, 35*time.Second)
		if took := time.Since(began); !errors.Is(err, ErrSlow) || took < 25*time.Second || took > 27*time.Second {
			t.Errorf("Tend = %v after %v; want ErrSlow 10 s after the first ping", err, took)
		}
	})
}

// TestGoodbyeIsShort: a close frame that the peer does not take is given up after closeWait, and the socket is closed.
func TestGoodbyeIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, peer := pipe(t)
		began := time.Now()
		if _, err := s.Write(frame(fin|opClose, []byte{3, 0xe8})); !errors.Is(err, ErrSlow) || time.Since(began) != closeWait {
			t.Errorf("Write = %v after %v; want ErrSlow after %v", err, time.Since(began), closeWait)
		}
		if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("Read = %v; want EOF", err)
		}
	})
}
