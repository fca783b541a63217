package patient

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// TestCut: of data that was not begun nothing goes out after a peer was too slow for it, or after Stop; the last word does.
func TestCut(t *testing.T) {
	const timeout = 10 * time.Second
	for name, test := range map[string]struct {
		give func(w *Writer)
		want error
	}{
		"slow":    {func(*Writer) {}, ErrSlow},
		"stopped": {func(w *Writer) { time.Sleep(timeout / 2); w.Stop() }, net.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				here, there := net.Pipe()
				w := NewWriter(here, timeout, nil)
				if more, err := w.Try([]byte("tried")); !more || err != nil { // a pipe takes nothing by a try
					t.Fatalf("Try = %v, %v; want that it waits", more, err)
				}
				go test.give(w)
				if err := w.Write([]byte("written")); !errors.Is(err, test.want) {
					t.Errorf("Write = %v; want %v", err, test.want)
				}
				go func() {
					if err := w.Last([]byte("bye"), timeout); err != nil {
						t.Error(err)
					}
					_ = here.Close()
				}()
				if got, err := io.ReadAll(there); string(got) != "bye" || err != nil {
					t.Errorf("%q, %v; want the last word alone", got, err)
				}
			})
		})
	}
}

// TestLastPatience: the last word waits no longer than it was told to, however long the writer waits for data.
func TestLastPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, _ := net.Pipe()
		w, began := NewWriter(here, time.Hour, nil), time.Now()
		if err := w.Last([]byte("bye"), 2*time.Second); !errors.Is(err, ErrSlow) || time.Since(began) != 2*time.Second {
			t.Errorf("Last = %v after %v; want ErrSlow after 2 s", err, time.Since(began))
		}
	})
}
