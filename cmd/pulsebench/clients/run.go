//go:build linux

package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// quietFor is how long nothing may come for those who read again until they have all that there is for them.
const quietFor = time.Second

// Run carries out orders, one JSON object each, and answers each by one, until in ends. It is the whole of the crowd's process.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		return fmt.Errorf("processors: %w", err)
	}
	loops := own.Count()
	runtime.GOMAXPROCS(2*loops + 2) // a loop that waits keeps its processor from nobody
	if err := RaiseLimit(); err != nil {
		return err
	}
	w := new(crowd)
	defer w.close()
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o Order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("order: %w", err)
		}
		a, err := w.obey(ctx, o, loops)
		if err != nil {
			a.Error = err.Error()
		}
		if err := answers.Encode(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

func (w *crowd) obey(ctx context.Context, o Order, loops int) (Answer, error) {
	began, spent := time.Now(), ownCPU()
	var a Answer
	var err error
	switch {
	case o.Open != nil:
		err = w.open(ctx, *o.Open, loops)
	case o.Publish != nil:
		return w.publish(ctx, *o.Publish)
	case o.Stall > 0:
		err = w.stall(o.Stall)
	case o.Resume:
		a.Dropped, err = w.resume(ctx)
	default:
		err = errors.New("an order to do nothing")
	}
	a.Took, a.CPU = time.Since(began), ownCPU()-spent
	return a, err
}

// stall has clients stop reading, as many of each loop.
func (w *crowd) stall(count int) error {
	w.stalled = count
	for i, l := range w.loops {
		part := count*(i+1)/len(w.loops) - count*i/len(w.loops)
		stalled := 0
		var err error
		if lost := l.do(func() { stalled, err = l.stall(part) }); lost != nil || err != nil {
			return errors.Join(lost, err)
		}
		if stalled < part {
			return fmt.Errorf("%d clients of %d can stop reading", stalled, part)
		}
	}
	return nil
}

// resume has those who stopped read again and returns how many of them the server has let go of.
func (w *crowd) resume(ctx context.Context) (dropped int, err error) {
	for _, l := range w.loops {
		if lost := l.do(func() { err = l.resume() }); lost != nil || err != nil {
			return 0, errors.Join(lost, err)
		}
	}
	if err := sleepUntil(ctx, time.Now().Add(quietFor)); err != nil {
		return 0, err
	}
	left := 0
	for _, l := range w.loops {
		if err := l.do(func() { left += l.leftOf() }); err != nil {
			return 0, err
		}
	}
	return w.stalled - left, nil
}

// RaiseLimit raises what this process may open to what it is permitted.
func RaiseLimit() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("descriptors: %w", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("descriptors: %w", err)
	}
	return nil
}

// Permitted is how many clients fit into a process, with some descriptors left for all else.
func Permitted() (int, error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, fmt.Errorf("descriptors: %w", err)
	}
	const others = 500
	return max(int(min(limit.Max, 1<<20))-others, 0), nil
}
