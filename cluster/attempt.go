package cluster

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"

	hzlogger "github.com/hazelcast/hazelcast-go-client/logger"
)

// failing is where the library notes, at the level of traces, that a request has failed, before who made it learns of that.
const failing = "github.com/hazelcast/hazelcast-go-client/internal/invocation.(*Service).handleError."

// failures counts the requests of a link's clients that have failed.
type failures struct{ n atomic.Int64 }

// note counts what the library says if that is a failure. The text is not made: it would cost more than the call.
func (f *failures) note(weight hzlogger.Weight, text func() string) {
	if weight == hzlogger.WeightTrace && strings.HasPrefix(runtime.FuncForPC(reflect.ValueOf(text).Pointer()).Name(), failing) {
		f.n.Add(1)
	}
}

// try makes a call until it is not to be repeated, or ctx ends.
//
// Version 1.6.0 repeats a request that has failed by giving the same message another number, which a connection that has died may be
// writing at that moment: a data race, and a frame that is garbled. So each call is tried once by the library, and again here with a
// message of its own.
func (f *failures) try(ctx context.Context, call func(context.Context) error) error {
	for {
		once, failed := f.once(ctx)
		err := call(once)
		if !errors.Is(err, context.Canceled) || ctx.Err() != nil || !failed() {
			return err
		}
	}
}

// once returns the context of one try, and what tells whether anything has failed since.
func (f *failures) once(ctx context.Context) (try context.Context, failed func() bool) {
	a := attempt{Context: ctx, failures: f, before: f.n.Load()}
	return a, a.failed
}

// attempt is the context of one try. The library asks it whether it has ended when it is about to repeat a request, which it does 100 ms
// after a failure, and only what may be repeated; it has ended then. Who waits for an answer meanwhile does not notice.
type attempt struct {
	context.Context
	failures *failures
	before   int64
}

func (a attempt) failed() bool { return a.failures.n.Load() != a.before }

// Done is closed for who asks after a failure.
func (a attempt) Done() <-chan struct{} {
	if a.failed() {
		return ended
	}
	return a.Context.Done()
}

// Err is why it has ended.
func (a attempt) Err() error {
	if err := a.Context.Err(); err != nil || !a.failed() {
		return err
	}
	return context.Canceled
}

// whole is the context of which ctx is one try.
func whole(ctx context.Context) context.Context {
	if a, ok := ctx.(attempt); ok {
		return a.Context
	}
	return ctx
}

// ended is a channel that is closed.
var ended = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()
