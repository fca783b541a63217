package alerts

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"
)

const (
	// room is the name of the target that posts to the room. No notifier can have it.
	room = "room"
	// tellFor is how long one attempt may take.
	tellFor = 30 * time.Second
	// firstAgain and lastAgain are how long after an attempt that failed the next one is made.
	firstAgain, lastAgain = time.Second, 5 * time.Minute
	// longestAsked is the longest that a notifier may ask for.
	longestAsked = time.Hour
	// aloneAgain is when the room is tried again that only the clients of this node could hear.
	aloneAgain = 5 * time.Second
	// giveUpAfter is how old an event may become that somebody cannot be told.
	giveUpAfter = 24 * time.Hour
)

// Told is what became of the attempts to tell one target, since this process began.
type Told struct{ Done, Failed, GivenUp uint64 }

// target is somebody who is told of events, one after the other.
type target struct {
	engine *Engine
	name   string
	tell   func(context.Context, Event) error
	bell   chan struct{} // size 1: there may be an event

	tries map[string]try // by event; used by run alone
	done  atomic.Uint64
	fails atomic.Uint64
	lost  atomic.Uint64
}

// try is what is known of an event that is waiting.
type try struct {
	n    int
	at   time.Time // not before
	told bool      // only the store does not know it yet
}

func newTarget(e *Engine, name string, tell func(context.Context, Event) error) *target {
	return &target{engine: e, name: name, tell: tell, bell: make(chan struct{}, 1), tries: make(map[string]try)}
}

// run tells what this node has to, until ctx ends.
func (t *target) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-t.bell:
		}
		for ctx.Err() == nil {
			key, event, wait := t.next(time.Now())
			if wait > 0 {
				timer.Reset(wait)
				break
			}
			t.attempt(ctx, key, event)
		}
	}
}

// next returns the oldest event that may be told now, the first one of each alert before the others, or how long to wait.
func (t *target) next(now time.Time) (key string, event Event, wait time.Duration) {
	e := t.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	wait = time.Hour
	waiting := make(map[string]try)
	for k, ours := range e.known {
		i := slices.IndexFunc(ours.Untold, func(u untold) bool { return slices.Contains(u.To, t.name) })
		if i < 0 || ours.Untold[i].Teller != e.opts.Self {
			continue // what came first is told first, whoever tells it
		}
		first := ours.Untold[i].Event
		before, tried := t.tries[first.ID]
		if tried {
			waiting[first.ID] = before
		}
		if left := before.at.Sub(now); left > 0 {
			wait = min(wait, max(left, 1))
		} else if wait > 0 || first.Time.Before(event.Time) {
			key, event, wait = k, first, 0
		}
	}
	if wait > 0 {
		t.tries = waiting // of what was taken over or given up nothing needs to be known
	}
	return key, event, wait
}

// attempt tells one event, and notes what came of it.
func (t *target) attempt(ctx context.Context, key string, event Event) {
	before := t.tries[event.ID]
	if !before.told {
		if err := t.call(ctx, event); err != nil {
			if ctx.Err() != nil {
				return
			}
			t.fails.Add(1)
			if !IsPermanent(err) && time.Since(event.Time) < giveUpAfter {
				t.tries[event.ID] = try{n: before.n + 1, at: time.Now().Add(again(before.n, err))}
				return
			}
			t.lost.Add(1)
			t.engine.opts.Logger.Error("alert not told: given up", "to", t.name, "alert", event.Alert.ID, "change", string(event.Change), "err", err)
		} else {
			t.done.Add(1)
		}
	}
	err := t.engine.update(ctx, key, func(old *entry) *entry {
		if old == nil {
			return nil
		}
		return old.told(event.ID, t.name)
	})
	if err != nil {
		t.tries[event.ID] = try{at: time.Now().Add(refreshEvery), told: true}
		return
	}
	delete(t.tries, event.ID)
}

// call makes one attempt. A panic is an error.
func (t *target) call(ctx context.Context, event Event) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = Permanent(fmt.Errorf("the notifier panicked: %v", v))
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, tellFor)
	defer cancel()
	return t.tell(ctx, event)
}

// again is how long to wait after an attempt that failed, n of which did before.
func again(n int, err error) time.Duration {
	if errors.Is(err, ErrAlone) {
		return aloneAgain
	}
	wait := min(firstAgain<<min(n, 10), lastAgain)
	wait = wait/2 + rand.N(wait/2) //nolint:gosec // not a secret
	var l later
	if errors.As(err, &l) {
		wait = max(wait, min(l.after, longestAsked))
	}
	return wait
}
