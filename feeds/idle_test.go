package feeds

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsHeldIsRefusedAtTheCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		paged := &fakeSource{PollFn: counting(100)}
		whole := &fakeSource{Description: wholeTable, PollFn: counting(100)}
		r := startRig(t, Options{MaxPolls: 6, MaxPollsPerFeed: 4, MaxSubscriptions: 10}, Feed{Name: "a", Source: paged}, Feed{Name: "b", Source: paged}, Feed{Name: "w", Source: whole})
		defer r.stop()
		try := func(sub string, want bool) {
			t.Helper()
			_, err := r.Watch(r.resolve(sub))
			if (err == nil) != want || err != nil && !errors.Is(err, ErrTooManyPolls) {
				t.Errorf("Watch(%s) = %v; want allowed: %t", sub, err, want)
			}
		}
		for i := range 3 {
			try(fmt.Sprintf("a/-/%d", i+1), true)
		}
		if err := r.Pin(r.resolve("a/-/4")); err != nil {
			t.Error(err)
		}
		try("a/-/1", true)
		try("a/-/5", false)
		_, release := r.watch("b/-/1")
		try("w", true)
		try("b/-/2", false)
		for i := range 4 {
			try(fmt.Sprintf("w/-/%d", i+2), true)
		}
		try("w/-/9", false)
		time.Sleep(65 * time.Second) // between two polls
		try("b/-/2", false)
		release()
		try("b/-/2", true)
	})
}

func TestWhatWasNamedLongestAgoMakesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: counting(1000)}
		whole := &fakeSource{Description: wholeTable, PollFn: counting(1000)}
		r := startRig(t, Options{MaxPolls: 6, MaxPollsPerFeed: 4, MaxSubscriptions: 8},
			Feed{Name: "a", Source: src}, Feed{Name: "b", Source: src}, Feed{Name: "w", Source: whole})
		defer r.stop()
		newest := func(sub string) {
			t.Helper()
			if got, err := r.Newest(t.Context(), r.resolve(sub)); err != nil || got.Status != OK {
				t.Errorf("Newest(%s) = %+v, %v; want a page", sub, got, err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		gone := func(want ...string) {
			t.Helper()
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
			for _, sub := range want {
				if r.dropped(r.resolve(sub)) != 1 {
					t.Errorf("%s was dropped %d times; want 1", sub, r.dropped(r.resolve(sub)))
				}
				delete(r.drops, r.resolve(sub))
			}
			if len(r.drops) != 0 {
				t.Errorf("dropped too: %v", r.drops)
			}
			clear(r.drops)
		}
		r.watch("a/-/1") // longest ago, but somebody watches
		for _, sub := range []string{"a/-/2", "a/-/3", "a/-/4", "a/-/2", "a/-/5"} {
			newest(sub)
		}
		gone("a/-/3")
		newest("b/-/1")
		newest("b/-/2")
		newest("a/-/4")
		newest("w") // the seventh in all
		gone("a/-/2")
		newest("w/-/2")
		newest("w/-/3")
		newest("w/-/4") // the ninth subscription
		gone("a/-/5")
		for i := range 1000 { // somebody turns over all pages
			newest(fmt.Sprintf("a/-/%d", i+6))
		}
		newest("b/-/1")
		r.Scheduler.mu.Lock()
		defer r.Scheduler.mu.Unlock()
		if len(r.Scheduler.polls) > 6 || len(r.wanted) > 8 {
			t.Errorf("%d polls, %d subscriptions; want 6 and 8 at most", len(r.Scheduler.polls), len(r.wanted))
		}
	})
}

func TestWhatIsRunningIsNotEvicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &fakeSource{PollFn: func(ctx context.Context, q Query) (Result, error) {
			time.Sleep(time.Second)
			return Result{}, nil
		}}
		r := startRig(t, Options{MaxPollsPerFeed: 3, Concurrency: 2}, Feed{Name: "a", Source: src})
		defer r.stop()
		for i := range 3 {
			if err := r.Want(r.resolve(fmt.Sprintf("a/-/%d", i+1))); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond) // the first two are running, the third waits
		}
		if err := r.Want(r.resolve("a/-/4")); err != nil {
			t.Errorf("Want = %v; want the one that waits to make room", err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		src.mu.Lock()
		defer src.mu.Unlock()
		for _, q := range src.asked {
			if q.Offset == 20 {
				t.Error("what was evicted was polled")
			}
		}
		if len(src.asked) != 3 || r.dropped(r.resolve("a/-/3")) != 0 {
			t.Errorf("%d polls; want 3, and no drop of what was never put", len(src.asked))
		}
		r.Scheduler.mu.Lock()
		if f := r.feeds["a"]; len(f.polls) != 3 || f.running != 0 || f.waiting.len() != 0 {
			t.Errorf("%d polls, %d running, %d waiting", len(f.polls), f.running, f.waiting.len())
		}
		r.Scheduler.mu.Unlock()
	})
}
