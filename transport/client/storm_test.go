package client_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pulsewall/pulsewall/transport"
	"github.com/pulsewall/pulsewall/transport/client"
)

// storm is what happens to a program whose server and network are never well for long.
type storm struct {
	*site
	r *rand.Rand
	c *client.Client
}

// TestStorm: servers die, transports come and go, the loop is slow and talks back, rooms change; each message comes once, in order, and each
// answer is placed once.
func TestStorm(t *testing.T) {
	for range 4 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &storm{site: newSite(t), r: rand.New(rand.NewPCG(seed, 0))}
				w.c = w.client(client.Options{UnionID: "7", After: "earliest"})
				w.rage(t, 300)
			})
		})
	}
}

func (w *storm) rage(t *testing.T, messages int) {
	ctx, stop := context.WithCancel(t.Context())
	var weather sync.WaitGroup
	defer weather.Wait()
	defer stop()
	pauses := rand.New(rand.NewPCG(w.r.Uint64(), 0)) // of the loop, which is a goroutine of its own
	weather.Go(func() {
		for n := range messages {
			w.say("", transport.Address{Users: []string{"7"}}, fmt.Appendf(nil, "%d", n))
			_ = wait(ctx, time.Second)
		}
	})
	weather.Go(func() {
		for ctx.Err() == nil {
			w.happen(ctx)
		}
	})
	next, hellos := 0, map[string]int{}
	for e, err := range w.c.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case client.Hello:
			hellos[e.Transport]++
		case client.Reset:
			t.Fatalf("reset: %s", e.Reason)
		case client.Message:
			if len(e.To.Users) == 0 {
				continue // an answer
			}
			if got := string(e.Data); got != fmt.Sprint(next) {
				t.Fatalf("message %s; want %d", got, next)
			}
			if next++; next%10 == 0 {
				if _, err := w.c.Send(ctx, client.To{All: true}, fmt.Sprint("answer ", next)); err != nil {
					t.Fatal(err)
				}
			}
			if pauses.IntN(20) == 0 {
				time.Sleep(time.Duration(pauses.IntN(40)) * time.Second)
			}
		}
		if next == messages {
			break
		}
	}
	for n := 10; n <= messages; n += 10 {
		if times := w.placed(fmt.Sprintf("%q", fmt.Sprint("answer ", n))); times != 1 {
			t.Errorf("answer %d was placed %d times", n, times)
		}
	}
	t.Logf("%d messages by %v", next, hellos)
}

// happen lets something happen, and some time pass.
func (w *storm) happen(ctx context.Context) {
	switch w.r.IntN(4) {
	case 0:
		w.stop()
		_ = wait(ctx, time.Duration(w.r.IntN(20))*time.Second)
		w.start()
	case 1:
		gone := "/live/" + string(transports[w.r.IntN(2)])
		w.mu.Lock()
		w.bar = func(rw http.ResponseWriter, r *http.Request) bool {
			if !strings.HasPrefix(r.URL.Path, gone) {
				return false
			}
			http.Error(rw, "no way", http.StatusBadGateway)
			return true
		}
		w.mu.Unlock()
	case 2:
		w.mu.Lock()
		w.bar = nil
		w.mu.Unlock()
	default:
		room := fmt.Sprint("r", w.r.IntN(3))
		within, stop := context.WithTimeout(ctx, 10*time.Second)
		defer stop()
		if w.r.IntN(2) == 0 {
			_ = w.c.Join(within, room) // where there is no server it comes later
		} else {
			_ = w.c.Leave(within, room)
		}
	}
	_ = wait(ctx, time.Duration(w.r.IntN(15))*time.Second)
}

// placed is how often something stands in the log.
func (w *storm) placed(data string) (times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, item := range w.log {
		if string(item.Message.Data) == data {
			times++
		}
	}
	return times
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
