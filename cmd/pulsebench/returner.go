//go:build unix

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// What pages do when a stream breaks: they come back after a time by chance, at most soonest × 2 for each time in a row, and latest.
const (
	soonest = 500 * time.Millisecond
	latest  = 3 * time.Second
)

// smallBuffer is what one of very many clients reads into.
const smallBuffer = 2 << 10

// returner is a client that comes back whenever its stream breaks, as pages do: by its cursor, at a time by chance, or in the
// slot that the server gave it.
type returner struct {
	addr   string
	query  url.Values
	stream atomic.Pointer[stream] // the one that is open; nil: none

	failures int           // since something came
	slot     time.Duration // that a bye named; negative: none
	told     *upheaval     // of which it was told that it is over
}

// upheaval is something that breaks the streams of all.
type upheaval struct {
	began time.Time
	took  chan time.Duration    // of each client, until it had a good reading from a stream that it opened since
	tries atomic.Int64          // to open a stream
	vain  atomic.Int64          // of these, those that failed
	last  atomic.Pointer[error] // of those
}

func newUpheaval(clients int) *upheaval {
	return &upheaval{began: time.Now(), took: make(chan time.Duration, clients)}
}

func newReturner(addr string, n int) *returner {
	return &returner{addr: addr, slot: -1, query: url.Values{
		"sub": {"weather/-/1/10", "sensors/-/1/10"}, "unionId": {strconv.Itoa(n + 1)}, "presence": {"1"},
	}}
}

// run opens streams, one after the other, until ctx ends.
func (r *returner) run(ctx context.Context, now *atomic.Pointer[upheaval]) {
	for ctx.Err() == nil {
		u := now.Load()
		u.tries.Add(1)
		if err := r.listen(ctx, now); err != nil {
			u.vain.Add(1)
			u.last.Store(&err)
		}
		if sleep(ctx, r.delay()) != nil {
			return
		}
	}
}

func (r *returner) delay() time.Duration {
	if wait := r.slot; wait >= 0 {
		r.slot = -1
		return wait
	}
	r.failures++
	return rand.N(min(latest, soonest<<min(r.failures, 10))) // #nosec G404 -- it spreads clients
}

// listen reads one stream to its end. Error: there was none.
func (r *returner) listen(ctx context.Context, now *atomic.Pointer[upheaval]) error {
	opened := time.Now()
	s, err := dialSmall(ctx, r.addr, r.query.Encode())
	if err != nil {
		return err
	}
	defer s.close()
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	r.stream.Store(s)
	defer r.stream.Store(nil)
	for heard := false; ; heard = true {
		e, err := s.next()
		switch {
		case err != nil && heard:
			return nil
		case err != nil:
			return err
		}
		r.failures = 0
		r.take(e, opened, now.Load())
	}
}

// take keeps what is needed to come back, and tells an upheaval that it is over.
func (r *returner) take(e event, opened time.Time, u *upheaval) {
	var said struct {
		Cursor, Session string // of hello
		Retry           int    // of bye, milliseconds
		Status          string // of a reading
	}
	if json.Unmarshal(e.Data, &said) != nil {
		return
	}
	switch e.Event {
	case "hello":
		r.query.Set("after", said.Cursor)
		r.query.Set("session", said.Session)
	case "bye":
		r.slot = time.Duration(said.Retry) * time.Millisecond
	case "reading":
		if said.Status == "ok" && r.told != u && opened.After(u.began) {
			r.told = u
			u.took <- e.at.Sub(u.began)
		}
	}
}

// cut breaks the stream as a network does that is gone: without a word.
func (r *returner) cut() {
	if s := r.stream.Load(); s != nil {
		if tcp, ok := s.conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // it is closed either way
		}
		s.close()
	}
}

// dialSmall is dial for a client of which there are very many.
func dialSmall(ctx context.Context, addr, query string) (*stream, error) {
	dialer := net.Dialer{Timeout: answerWithin}
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &stream{conn: conn, in: bufio.NewReaderSize(conn, smallBuffer)}
	if err := s.upgrade(addr, query); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return s, nil
}
