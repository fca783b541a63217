package feeds

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// moody is a source that answers, fails, panics, dawdles and hangs at random.
func moody(_ context.Context, q Query) (Result, error) {
	switch rand.IntN(12) {
	case 0:
		return Result{}, errDown
	case 1:
		panic("moody")
	case 2:
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Millisecond) // up to 3 intervals, deaf
	case 3:
		return Result{Total: -1, Records: make([]Record, rand.IntN(100))}, nil
	}
	return counting(rand.IntN(50))(context.Background(), q)
}

func TestManyComeAndGoAtRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := startRig(t, Options{MaxPolls: 60, MaxPollsPerFeed: 40, Concurrency: 3},
			Feed{Name: "whole", Interval: time.Second, Source: &fakeSource{Description: wholeTable, PollFn: moody}},
			Feed{Name: "paged", Interval: time.Second, Source: &fakeSource{Description: Description{PerUser: true}, PollFn: moody}})
		var clients sync.WaitGroup
		for range 50 {
			clients.Go(func() {
				for range 100 {
					sub := r.resolve([]string{"whole", "paged"}[rand.IntN(2)] + fmt.Sprintf("/%d/%d", rand.IntN(3), rand.IntN(20)+1))
					switch rand.IntN(4) {
					case 0:
						_ = r.Want(sub) // may be one too many
					case 1:
						if got, err := r.Newest(t.Context(), sub); err == nil && got.Sub != sub {
							t.Errorf("Newest(%s) is of %s", sub, got.Sub)
						}
					case 2:
						r.History(sub, time.Now())
					default:
						if release, err := r.Watch(sub); err == nil {
							time.Sleep(time.Duration(rand.IntN(5000)) * time.Millisecond)
							release()
						}
					}
					time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
				}
			})
		}
		clients.Wait()
		time.Sleep(time.Minute)
		r.Scheduler.mu.Lock()
		for _, f := range r.feeds {
			if len(f.polls)+f.running+f.waiting.len()+f.failing != 0 {
				t.Errorf("feed %s is left with %d polls, %d running, %d waiting, %d failing", f.Name, len(f.polls), f.running, f.waiting.len(), f.failing)
			}
		}
		if n := len(r.wanted) + len(r.Scheduler.polls) + len(r.due.heap) + len(r.looks.heap) + r.active; n != 0 {
			t.Errorf("%d things are kept of what nobody wants", n)
		}
		r.Scheduler.mu.Unlock()
		r.stop()
		for sub := range r.got {
			if r.dropped(sub) == 0 {
				t.Errorf("%s was never dropped", sub)
			}
		}
	})
}
