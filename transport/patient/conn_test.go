package patient

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// sink is a connection of which a write takes up to `takes` bytes whenever `every` has passed, as a kernel with a full buffer does. Only
// writes and their deadlines work.
type sink struct {
	net.Conn
	takes int
	every time.Duration

	mu       sync.Mutex
	deadline time.Time
	changed  chan struct{}
}

func (s *sink) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	close(s.changed)
	s.changed = make(chan struct{})
	return nil
}

func (s *sink) SetDeadline(t time.Time) error { return s.SetWriteDeadline(t) }

func (s *sink) Write(p []byte) (n int, err error) {
	next := time.Now().Add(s.every)
	for n < len(p) {
		s.mu.Lock()
		deadline, changed := s.deadline, s.changed
		s.mu.Unlock()
		var late <-chan time.Time
		if !deadline.IsZero() {
			late = time.After(time.Until(deadline))
		}
		select {
		case <-time.After(time.Until(next)):
			n = min(len(p), n+s.takes)
			next = time.Now().Add(s.every)
		case <-late:
			return n, os.ErrDeadlineExceeded
		case <-changed:
		}
	}
	return n, nil
}

func TestWrite(t *testing.T) {
	tests := []struct {
		name     string
		patience time.Duration
		takes    int
		every    time.Duration
		n        int
		err      error
		took     time.Duration
	}{
		{"at once", 10 * time.Second, 100, 0, 100, nil, 0},
		{"slowly, but it moves", 10 * time.Second, 1, 400 * time.Millisecond, 100, nil, 40 * time.Second},
		{"nothing moves", 10 * time.Second, 1, time.Hour, 0, os.ErrDeadlineExceeded, 10 * time.Second},
		{"without a deadline", 0, 50, time.Hour, 100, nil, 2 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := Wrap(&sink{takes: tt.takes, every: tt.every, changed: make(chan struct{})})
				deadline := time.Time{}
				if tt.patience > 0 {
					deadline = time.Now().Add(tt.patience)
				}
				if err := c.SetWriteDeadline(deadline); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				n, err := c.Write(make([]byte, 100))
				if took := time.Since(began); n != tt.n || !errors.Is(err, tt.err) || took < tt.took || took > tt.took*3/2 {
					t.Errorf("Write = %d, %v after %v; want %d, %v after %v", n, err, took, tt.n, tt.err, tt.took)
				}
				if moved := tt.took > tt.patience && tt.patience > 0; moved == c.Moved().IsZero() {
					t.Errorf("Moved = %v; want one: %v", c.Moved(), moved)
				}
			})
		})
	}
}

func TestDeadlineInThePastEndsWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Wrap(&sink{takes: 1, every: 100 * time.Millisecond, changed: make(chan struct{})})
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		go func() {
			time.Sleep(3 * time.Second)
			_ = c.SetWriteDeadline(time.Now())
		}()
		began := time.Now()
		n, err := c.Write(make([]byte, 1000))
		if took := time.Since(began); n == 0 || n == 1000 || !errors.Is(err, os.ErrDeadlineExceeded) || took > 4*time.Second {
			t.Errorf("Write = %d, %v after %v; want a part, after 3 s", n, err, took)
		}
	})
}

func TestOf(t *testing.T) {
	c := Wrap(&sink{})
	if got := Of(tls.Server(c, nil)); got != c {
		t.Errorf("Of below TLS = %v; want the connection", got)
	}
	if got := Of(c); got != c {
		t.Errorf("Of = %v; want itself", got)
	}
	if got := Of(&sink{}); got != nil {
		t.Errorf("Of another connection = %v; want nil", got)
	}
	if err := c.CloseWrite(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("CloseWrite = %v; want ErrUnsupported", err)
	}
	if _, err := c.SyscallConn(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("SyscallConn = %v; want ErrUnsupported", err)
	}
}

// TestSecuredWritesNothingAfterACutRecord: what TLS says when it closes would wait for a peer that does not read.
func TestSecuredWritesNothingAfterACutRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		defer near.Close()
		for _, secured := range []bool{false, true} {
			c := Wrap(near)
			if secured {
				c.Secured()
			}
			_ = c.SetWriteDeadline(time.Now().Add(time.Second))
			if _, err := c.Write([]byte("record")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("write to who does not read = %v", err)
			}
			_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
			began := time.Now()
			_, err := c.Write([]byte("farewell"))
			if waited := time.Since(began) > 0; !errors.Is(err, os.ErrDeadlineExceeded) || waited == secured {
				t.Errorf("secured %v: the next write = %v, waited %v", secured, err, waited)
			}
		}
	})
}
