package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// For a client that polls, so much is given to the library and no more, until it writes; the rest waits for the client, or for the end.
func TestSockJSHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		given := 0
		c := &sockJSCall{drained: make(chan struct{}), send: func(text string) error { given += len(text); return nil }}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		text := strings.Repeat("x", 1000)
		go func() {
			for {
				if err := c.give(ctx, text); err != nil {
					ended <- err
					return
				}
			}
		}()
		for _, want := range []int{65_000, 130_000} {
			synctest.Wait()
			if given != want {
				t.Errorf("%d bytes given; want %d", given, want)
			}
			c.wrote('h')
			synctest.Wait()
			if given != want {
				t.Errorf("%d bytes given after a heartbeat; want %d", given, want)
			}
			c.wrote('a')
		}
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("give = %v; want canceled", err)
		}
	})
}

// What the library writes is told apart by what stands before each frame on a transport.
func TestSockJSFrames(t *testing.T) {
	for _, tt := range []struct {
		opening, piece string
		want           byte
	}{
		{"", "o\n", 'o'}, {"", "h\n", 'h'}, {"", "a[\"o\"]\n", 'a'}, {"", "c[1000,\"\"]\n", 'c'}, {"", strings.Repeat("h", 2048) + "\n", 0},
		{"data: ", "\r\n", 0}, {"data: ", "data: o\r\n\r\n", 'o'}, {"data: ", "data: a[\"data: c\"]\r\n\r\n", 'a'},
		{`a("`, `a("o");` + "\r\n", 'o'}, {`a("`, `a("a[\"c\"]");` + "\r\n", 'a'}, {`a("`, "", 0},
	} {
		if got := (&sockJSPipe{opening: tt.opening}).frame([]byte(tt.piece)); got != tt.want {
			t.Errorf("frame(%.40q) after %q = %q; want %q", tt.piece, tt.opening, got, tt.want)
		}
	}
}

// stalled is a response whose client takes nothing: a write to it fails when its deadline has come.
type stalled struct {
	*httptest.ResponseRecorder
	timer *time.Timer
	cut   chan struct{}
}

func (s *stalled) SetWriteDeadline(at time.Time) error {
	if at.IsZero() {
		s.timer.Stop()
		return nil
	}
	s.timer.Reset(time.Until(at))
	return nil
}

func (s *stalled) Write([]byte) (int, error) {
	<-s.timer.C
	close(s.cut)
	return 0, context.DeadlineExceeded
}

// Who takes nothing is let go of after 10 s, and at once when the session ends.
func TestSockJSStalled(t *testing.T) {
	for _, within := range []time.Duration{sockJSWrite, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := &stalled{httptest.NewRecorder(), time.NewTimer(time.Hour), make(chan struct{})}
			ctx, fail := context.WithCancel(t.Context())
			c := &sockJSCall{drained: make(chan struct{})}
			p := newSockJSPipe(w, c, fail)
			began := time.Now()
			if within < sockJSWrite {
				time.AfterFunc(within, c.cut)
			}
			if n, err := p.Write([]byte("a[]\n")); n != 4 || err != nil {
				t.Errorf("Write = %d, %v; want 4, as if it had been written", n, err)
			}
			if took := time.Since(began); took != within || ctx.Err() == nil {
				t.Errorf("failed after %v: %v; want the request to end after %v", took, ctx.Err(), within)
			}
			c.done(p)
			c.cut() // nothing is under way any more
		})
	}
}

// dated is a response that knows its deadline.
type dated struct {
	*httptest.ResponseRecorder
	deadline time.Time
	meant    []time.Time // while something was written
}

func (d *dated) SetWriteDeadline(at time.Time) error {
	d.deadline = at
	return nil
}

func (d *dated) Write(p []byte) (int, error) {
	d.meant = append(d.meant, d.deadline)
	return len(p), nil
}

// A write has its time. A wait has as much as it takes, whatever the server gives a response, and so has the next request of the connection.
func TestSockJSWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &dated{ResponseRecorder: httptest.NewRecorder(), deadline: time.Now().Add(time.Second)}
		p := newSockJSPipe(w, &sockJSCall{drained: make(chan struct{})}, func() { t.Error("a write failed") })
		if !w.deadline.IsZero() {
			t.Errorf("a wait must end by %v", w.deadline)
		}
		_, _ = p.Write([]byte("a[]\n"))
		if want := time.Now().Add(sockJSWrite); len(w.meant) != 1 || !w.meant[0].Equal(want) || !w.deadline.IsZero() {
			t.Errorf("a write must end by %v, and what comes after it by %v; want %v and whenever", w.meant, w.deadline, want)
		}
	})
}

// One post is read at a time, so that their texts stay in order, and each ends with the session.
func TestSockJSTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := &sockJSCall{name: "s", ctx: ctx, said: make(chan string), turn: make(chan struct{}, 1)}
		answers := make(chan error, 2)
		post := func(body string) *strings.Reader {
			unread := strings.NewReader(body)
			go func() { answers <- c.say(httptest.NewRecorder(), httptest.NewRequest("POST", "/", unread)) }()
			synctest.Wait()
			return unread
		}
		first, second := post(`["1","2"]`), post(`["3","4"]`)
		if first.Len() != 0 || second.Len() == 0 {
			t.Errorf("%d bytes of the first unread, %d of the second; want none, and all", first.Len(), second.Len())
		}
		for _, want := range []string{"1", "2", "3"} {
			if got, err := c.next(ctx); got != want || err != nil {
				t.Errorf("next = %q, %v; want %q", got, err, want)
			}
		}
		if err := <-answers; err != nil {
			t.Errorf("say = %v; want nil", err)
		}
		cancel()
		var p *Problem
		if err := <-answers; !errors.As(err, &p) || p.Status != 404 {
			t.Errorf("say = %v; want a 404", err)
		}
	})
}

func FuzzSockJSFrame(f *testing.F) {
	for _, seed := range []string{"", `"a"`, `["a","b"]`, "[]", `["a"`, "null", "1", `[1]`, `"a","b"`, ` ["\ud800"] `, "[null]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, frame string) {
		texts, err := readFrame([]byte(frame))
		if err != nil {
			if !errors.Is(err, errFraming) || len(texts) > 0 {
				t.Errorf("readFrame(%q) = %q, %v", frame, texts, err)
			}
			return
		}
		array, err := json.Marshal(append([]string{}, texts...))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := readFrame(array); err != nil || !slices.Equal(again, texts) {
			t.Errorf("readFrame(%s) = %q, %v; want %q", array, again, err, texts)
		}
	})
}
