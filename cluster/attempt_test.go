package cluster

import (
	"context"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hazelcast/hazelcast-go-client"
	hzlogger "github.com/hazelcast/hazelcast-go-client/logger"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// slowWriter is the logger of a client that, once it is slow, does not get to write what it has to send.
type slowWriter struct {
	failures
	slow    atomic.Bool
	writing chan struct{} // size 1: it is about to write
	may     chan struct{} // closed when it may
}

func (s *slowWriter) Log(weight hzlogger.Weight, text func() string) {
	s.note(weight, text)
	name := runtime.FuncForPC(reflect.ValueOf(text).Pointer()).Name()
	if s.slow.Load() && strings.Contains(name, "internal/cluster.(*Connection).write.") {
		ring(s.writing)
		<-s.may
	}
}

// TestTryWhileAConnectionDies has a request fail that its connection is about to write. The race detector sees whether it is touched.
func TestTryWhileAConnectionDies(t *testing.T) {
	t.Parallel()
	m := startMember(t, member.Options{})
	s := &slowWriter{writing: make(chan struct{}, 1), may: make(chan struct{})}
	c := hazelcast.Config{}
	c.Cluster.Name = testCluster(t)
	c.Cluster.Network.SetAddresses(m.Addr())
	c.Logger.CustomLogger = s
	client, err := hazelcast.StartNewClientWithConfig(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer stopClient(context.WithoutCancel(t.Context()), client)
	names, err := client.GetMap(t.Context(), "names")
	if err != nil {
		t.Fatal(err)
	}
	s.slow.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 10*callTimeout)
	defer cancel()
	tries := 0
	done := make(chan error, 1)
	go func() {
		done <- s.try(ctx, func(ctx context.Context) error {
			tries++
			_, err := names.Get(ctx, "name")
			return err
		})
	}()
	<-s.writing
	m.Kill()
	pause(ctx, callTimeout) // for what repeats it after 100 ms
	close(s.may)
	pause(ctx, callTimeout/2)
	cancel()
	if err := <-done; err == nil || s.n.Load() == 0 || tries < 2 {
		t.Errorf("Get = %v after %d failures and %d tries; want that it failed and was tried again", err, s.n.Load(), tries)
	}
}

// TestTry is about what is tried again: what failed, and was about to be repeated.
func TestTry(t *testing.T) {
	fail := func(f *failures) { f.n.Add(1) }
	for _, c := range []struct {
		name  string
		call  func(context.Context, *failures) error
		tries int
	}{
		{"no failure", func(ctx context.Context, _ *failures) error { return ctx.Err() }, 1},
		{"a failure of another", func(_ context.Context, f *failures) error { fail(f); return nil }, 1},
		{"not to be repeated", func(_ context.Context, f *failures) error { fail(f); return errAlone }, 1},
		{"to be repeated", func(ctx context.Context, f *failures) error {
			if f.n.Load() < 3 {
				fail(f)
			}
			return ctx.Err()
		}, 4},
	} {
		var f failures
		tries := 0
		err := f.try(t.Context(), func(ctx context.Context) error { tries++; return c.call(ctx, &f) })
		if tries != c.tries || (err != nil) != (c.name == "not to be repeated") {
			t.Errorf("%s: %d tries, %v; want %d", c.name, tries, err, c.tries)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var f failures
	if err := f.try(ctx, func(ctx context.Context) error { fail(&f); <-ctx.Done(); return ctx.Err() }); err == nil {
		t.Error("a call that always fails succeeds")
	}
}
