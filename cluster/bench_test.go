package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hazelcast/hazelcast-go-client"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// stopwatch is a Handler that notes when each message and each reading came.
type stopwatch struct {
	*recorder
	came chan time.Time
}

func (s *stopwatch) Deliver(Item)    { s.came <- time.Now() }
func (s *stopwatch) Reading(Reading) { s.came <- time.Now() }

// BenchmarkHop measures the way from one node to another over two members, beside a bare topic of the same members.
func BenchmarkHop(b *testing.B) {
	pair, err := member.StartPair(b.Context(), member.Options{Cluster: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	for _, m := range pair {
		defer m.Close()
	}
	o := Options{Cluster: "bench", Addresses: []string{pair[0].Addr(), pair[1].Addr()}}
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	watch := &stopwatch{recorder: newRecorder(), came: make(chan time.Time, 1024)}
	from, to := NewHazelcast("from", newRecorder(), o), NewHazelcast("to", watch, o)
	for _, h := range []*Hazelcast{from, to} {
		running.Go(func() { _ = h.Run(ctx) })
	}
	for from.State().Degraded || to.State().Degraded {
		pause(ctx, 10*time.Millisecond)
	}
	l := from.link.Load()
	bare, err := l.small.GetTopic(ctx, "bare")
	if err != nil {
		b.Fatal(err)
	}
	receiver, err := to.link.Load().small.GetTopic(ctx, "bare")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := receiver.AddMessageListener(ctx, func(*hazelcast.MessagePublished) { watch.came <- time.Now() }); err != nil {
		b.Fatal(err)
	}
	if _, _, err := to.Want(ctx, "sub"); err != nil {
		b.Fatal(err)
	}
	data := make([]byte, 200)
	version := int64(0)
	for _, way := range []struct {
		name string
		send func() error
	}{
		{"topic", func() error { return bare.Publish(ctx, data) }},
		{"message", func() error {
			version++
			_, err := from.Append(ctx, fmt.Sprint(version), data)
			return err
		}},
		{"reading", func() error {
			version++
			return from.Publish(ctx, "sub", version, time.Minute, func() []byte { return data })
		}},
	} {
		b.Run(way.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if err := way.send(); err != nil {
					b.Fatal(err)
				}
				took = append(took, (<-watch.came).Sub(begun))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
