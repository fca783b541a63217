package client_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport/client"
)

// told is the loop of a client, in words.
type told struct {
	t     *testing.T
	lines chan string
	stop  context.CancelFunc
	ended chan error
}

// listen runs the loop of a client until the end of the test.
func listen(t *testing.T, c *client.Client, each func(client.Event)) *told {
	ctx, stop := context.WithCancel(t.Context())
	l := &told{t: t, lines: make(chan string, 1000), stop: stop, ended: make(chan error, 1)}
	go func() {
		for e, err := range c.Events(ctx) {
			if err != nil {
				l.ended <- err
				return
			}
			if each != nil {
				each(e)
			}
			l.lines <- words(e)
		}
	}()
	t.Cleanup(func() {
		stop()
		synctest.Wait()
	})
	return l
}

func words(e client.Event) string {
	switch e := e.(type) {
	case client.Hello:
		return "hello by " + e.Transport
	case client.Message:
		return "message " + string(e.Data)
	case client.Reading:
		if e.Page == nil {
			return fmt.Sprint("reading ", e.Sub, " ", e.Version)
		}
		return fmt.Sprint("reading ", e.Sub, " ", e.Version, " of ", e.Page.Records[0]["n"])
	case client.Lost:
		return "lost"
	case client.Reset:
		return "reset"
	default:
		return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", e), "client."))
	}
}

// want waits for lines; heartbeats and presence are passed over unless wanted.
func (l *told) want(lines ...string) {
	l.t.Helper()
	for _, want := range lines {
		for {
			select {
			case got := <-l.lines:
				if got != want && (got == "heartbeat" || got == "presence") {
					continue
				}
				if got != want {
					l.t.Fatalf("got %q; want %q", got, want)
				}
			case err := <-l.ended:
				l.t.Fatalf("ended with %v; want %q", err, want)
			case <-time.After(10 * time.Minute):
				l.t.Fatalf("nothing in 10 minutes; want %q", want)
			}
			break
		}
	}
}

// nothing says what came and should not.
func (l *told) nothing(d time.Duration) {
	l.t.Helper()
	until := time.After(d)
	for {
		select {
		case got := <-l.lines:
			if got != "heartbeat" {
				l.t.Fatalf("got %q; want nothing", got)
			}
		case <-until:
			return
		}
	}
}
