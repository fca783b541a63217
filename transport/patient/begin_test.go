package patient

import (
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestBeginTogether: the head goes out with what follows it, in one write, and once.
func TestBeginTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		w := NewWriter(here, time.Minute, nil)
		w.Begin([]byte("head,"))
		go func() {
			for _, p := range []string{"first,", "second"} {
				if err := w.Write([]byte(p)); err != nil {
					t.Error(err)
				}
			}
			_ = here.Close()
		}()
		b := make([]byte, 100)
		if n, err := there.Read(b); string(b[:n]) != "head,first," || err != nil { // a pipe is read write by write
			t.Errorf("first read %q, %v; want head and first", b[:n], err)
		}
		if rest, err := io.ReadAll(there); string(rest) != "second" || err != nil {
			t.Errorf("then %q, %v; want second", rest, err)
		}
	})
}

// TestBeginStays: whatever else gives way, the head comes before all that goes out.
func TestBeginStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		w := NewWriter(here, time.Minute, nil)
		w.Begin([]byte("head,"))
		if more, err := w.Try([]byte("data,")); !more || err != nil { // a pipe takes nothing by a try
			t.Fatalf("Try = %v, %v; want that it waits", more, err)
		}
		for range 2 {
			if _, err := w.Control([]byte(strings.Repeat("p", mostControl))); err != nil {
				t.Fatal(err)
			}
		}
		w.Stop()
		go func() {
			if err := w.Last([]byte("bye"), time.Minute); err != nil {
				t.Error(err)
			}
			_ = here.Close()
		}()
		got, err := io.ReadAll(there)
		if text := strings.Trim(strings.TrimPrefix(string(got), "head,"), "p"); text != "bye" || len(got) < len("head,bye") || err != nil {
			t.Errorf("%.40q…, %v; want the head, control frames and the last word", got, err)
		}
	})
}

// TestBeginInPieces: a peer that takes the head bit by bit gets each byte once.
func TestBeginInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &sink{takes: 3, every: 100 * time.Millisecond, changed: make(chan struct{})}
		w := NewWriter(Wrap(slow), 10*time.Second, nil)
		w.Begin([]byte("0123456789"))
		if err := w.Write([]byte("abcdefghij")); err != nil {
			t.Fatal(err)
		}
		if len(w.waiting) != 0 || w.control != 0 {
			t.Errorf("%d pieces wait, %d bytes of control; want none", len(w.waiting), w.control)
		}
	})
}
