//go:build linux

package clients

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pulsewall/pulsewall/cmd/pulsebench/compare"
)

// openWithin is how long one more client may be waited for while others come.
const openWithin = 60 * time.Second

// crowd is the clients of one process. One goroutine uses it.
type crowd struct {
	loops   []*loop
	running sync.WaitGroup
	count   int
	stalled int
	next    uint64 // the number of the next payload
}

// open has the clients come, with as many loops as given.
func (w *crowd) open(ctx context.Context, o Open, loops int) error {
	if len(w.loops) > 0 {
		return errors.New("the clients are here already")
	}
	u, err := url.Parse(o.Stream.URL)
	if err != nil {
		return err
	}
	to, err := netip.ParseAddrPort(u.Host)
	if err != nil {
		return fmt.Errorf("address of the server: %w", err)
	}
	w.count, w.next = o.Clients, 1
	for i := range loops {
		l, err := newLoop(o, to, request(o.Transport, u))
		if err != nil {
			return err
		}
		w.loops = append(w.loops, l)
		w.running.Go(func() { _ = l.run() })
		nth, end := o.Clients*i/loops, o.Clients*(i+1)/loops
		if err := l.do(func() { l.come(nth, end-nth) }); err != nil {
			return err
		}
	}
	late := time.NewTimer(openWithin)
	defer late.Stop()
	for _, l := range w.loops {
		select {
		case err := <-l.opened:
			if err != nil {
				return err
			}
		case <-late.C:
			return fmt.Errorf("%d clients did not come within %v", o.Clients, openWithin)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// request is what a client asks.
func request(transport compare.Transport, u *url.URL) []byte {
	text := "GET " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n"
	switch transport {
	case compare.WebSocket: // the key need not be random: no cache is near
		text += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: cHVsc2ViZW5jaC1ydW5zIQ==\r\n"
	case compare.SSE:
		text += "Accept: text/event-stream\r\n"
	case compare.LongPoll:
		text += "Accept: application/json\r\n"
	}
	return []byte(text + "\r\n")
}

// publish publishes and returns what came of it.
func (w *crowd) publish(ctx context.Context, o Publish) (Answer, error) {
	pub, err := newPublisher(o.URL)
	if err != nil {
		return Answer{}, err
	}
	defer pub.close()
	if o.Count <= 0 {
		return Answer{}, fmt.Errorf("publish %d payloads", o.Count)
	}
	p, err := w.begin(o.Count)
	if err != nil {
		return Answer{}, err
	}
	began, spent := time.Now(), ownCPU()
	published, err := p.drive(ctx, pub, o)
	if err == nil {
		err = p.wait(ctx, p.first+uint64(published), o.Patience)
	}
	a := Answer{Took: time.Since(began), CPU: ownCPU() - spent, Published: published}
	w.next += uint64(published)
	last, counted := w.end(&a, w.next)
	if last > 0 { // what was waited for in vain takes no time
		a.Took = max(time.Unix(0, last).Sub(began), 1)
	}
	return a, errors.Join(err, counted)
}

// begin has all loops count a new phase.
func (w *crowd) begin(most int) (*phase, error) {
	expected := 0
	for _, l := range w.loops {
		if err := l.do(func() { expected += l.reading() }); err != nil {
			return nil, err
		}
	}
	p := newPhase(w.next, most, expected)
	for _, l := range w.loops {
		if err := l.do(func() { l.begin(p) }); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// end has all loops tell what they counted, where next is the number that comes next. last is when something came last, in Unix nanoseconds; 0: never.
func (w *crowd) end(a *Answer, next uint64) (last int64, err error) {
	all := new(histogram)
	for _, l := range w.loops {
		var t *tally
		if err := l.do(func() { t = l.finish(next) }); err != nil {
			return last, err
		}
		last = max(last, t.last)
		all.merge(&t.took)
		a.Deliveries += t.deliveries
		a.Lost += t.lost
		a.Spared += t.spared
		a.Doubled += t.doubled
		a.Disordered += t.disordered
		a.Bytes += t.bytes
		a.Dropped += t.dropped
	}
	a.P50, a.P99, a.Max = all.at(0.50), all.at(0.99), all.longest
	return last, nil
}

// close lets all clients go.
func (w *crowd) close() {
	for _, l := range w.loops {
		_ = l.do(func() { l.stopped = true })
	}
	w.running.Wait()
	for _, l := range w.loops {
		l.close()
	}
}

// ownCPU is the processor time that this process has taken.
func ownCPU() time.Duration {
	var at unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &at) // a clock that is always there
	return time.Duration(at.Nano())
}
