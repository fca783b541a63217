package feeds

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"
)

// Runner is a Source that has to do something all the time, such as listening. The scheduler runs it from its own start to
// its end, on every node. Run must return when its context ends. What it returns before that, and a panic, is told by the
// feed's readings until it runs again, which is after a pause.
type Runner interface {
	// Run calls wake when the source has something new for a user, or for all where unionID is empty. wake never blocks and may be
	// called as often as there is something: polls are a MinGap apart.
	Run(ctx context.Context, wake func(unionID string)) error
}

const (
	// runAgain is how long the scheduler waits at first before it runs a source again. The pause doubles, up to runAgainMost
	// intervals.
	runAgain     = time.Second
	runAgainMost = 5
)

// ErrAway is for Poll of a Runner that knows that it has no connection and calls wake as soon as it has: that is polled at once. Of
// what fails otherwise a wake is answered when the next poll is due, but for the first wake of a run.
var ErrAway = errors.New("away")

var errRunEnded = errors.New("the source ended by itself")

// run keeps a source running until ctx ends.
func (s *Scheduler) run(ctx context.Context, f *feed, r Runner) {
	longest := runAgainMost * f.Interval
	pause := min(runAgain, longest)
	for {
		begun := time.Now()
		err := s.runOnce(ctx, f, r)
		if ctx.Err() != nil {
			return
		}
		if time.Since(begun) > longest {
			pause = min(runAgain, longest)
		}
		s.setDown(f, err)
		select {
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // spreads the nodes, hides nothing
		case <-ctx.Done():
			return
		}
		pause = min(2*pause, longest)
		s.setDown(f, nil)
	}
}

// runOnce calls the source. A panic is an error.
func (s *Scheduler) runOnce(ctx context.Context, f *feed, r Runner) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &panicError{value: fmt.Sprint(v), stack: debug.Stack()}
		}
	}()
	var first sync.Once // after a pause, which grows: so polls do not come too often
	wake := func(unionID string) {
		first.Do(func() { s.heal(f) })
		s.wake(f, unionID)
	}
	if err := r.Run(ctx, wake); err != nil {
		return err
	}
	return errRunEnded
}

// setDown notes why the source of f does not run, and has its readings tell that, or that it does again.
func (s *Scheduler) setDown(f *feed, err error) {
	s.mu.Lock()
	f.down = err
	log := err != nil && !f.fell
	f.fell = f.fell || err != nil
	s.mu.Unlock()
	var pe *panicError
	switch {
	case log && errors.As(err, &pe):
		s.opts.Logger.Error("source panicked; it is run again, and further ends of it are not logged", "feed", f.Name, "err", err, "stack", string(pe.stack))
	case log:
		s.opts.Logger.Warn("source ended; it is run again, and further ends of it are not logged", "feed", f.Name, "err", err)
	}
	if !f.desc.Pushed {
		s.wake(f, "")
	}
}
