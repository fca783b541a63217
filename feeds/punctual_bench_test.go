package feeds

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"
)

// punctual is a paged source that keeps when each page was asked for.
type punctual struct {
	tenRecords

	took time.Duration
	mu   sync.Mutex
	at   map[int][]time.Time
}

func (p *punctual) Poll(ctx context.Context, q Query) (Result, error) {
	p.mu.Lock()
	p.at[q.Offset] = append(p.at[q.Offset], time.Now())
	p.mu.Unlock()
	select {
	case <-time.After(p.took):
	case <-ctx.Done():
	}
	return p.tenRecords.Poll(ctx, q)
}

// dueSink keeps when each page was said to be polled next.
type dueSink struct {
	mu    sync.Mutex
	plans map[Subscription][]plan
}

// plan is when a poll had ended and when the next was said to begin.
type plan struct{ ended, next time.Time }

func (s *dueSink) Put(r Reading) {
	if r.Status != OK {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plans[r.Sub] = append(s.plans[r.Sub], plan{r.At, r.Due.Add(-r.Took)})
}

func (s *dueSink) Drop(Subscription) {}

// lateness returns how much later than announced each later poll of a feed began, sorted.
func (s *dueSink) lateness(feed string, p *punctual) (late []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for sub, plans := range s.plans {
		if sub.Feed != feed {
			continue
		}
		starts := p.at[(sub.Current-1)*sub.Size]
		for _, plan := range plans {
			next := slices.IndexFunc(starts, func(at time.Time) bool { return at.After(plan.ended) })
			if next >= 0 {
				late = append(late, starts[next].Sub(plan.next))
			}
		}
	}
	return late
}

// BenchmarkPunctual has 10,000 distinct subscriptions come at the same moment to a running scheduler, ten feeds of sources that take 50 ms,
// and tells how late their polls begin. An iteration is one interval, in real time.
func BenchmarkPunctual(b *testing.B) {
	const interval = 10 * time.Second
	sink := &dueSink{plans: make(map[Subscription][]plan)}
	var sources []*punctual
	var list []Feed
	for i := range 10 {
		src := &punctual{took: 50 * time.Millisecond, at: make(map[int][]time.Time)}
		sources = append(sources, src)
		list = append(list, Feed{Name: fmt.Sprint("f", i), Source: src, Interval: interval})
	}
	s, err := NewScheduler(list, sink, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	for i := range benchSubs {
		if _, err := s.Watch(Subscription{Feed: fmt.Sprint("f", i%10), Current: i/10 + 1, Size: 10}); err != nil {
			b.Fatal(err)
		}
	}
	time.Sleep(time.Duration(b.N+2) * interval)
	cancel()
	if err := <-ran; err != nil {
		b.Fatal(err)
	}
	var late []time.Duration
	for i, src := range sources {
		late = append(late, sink.lateness(list[i].Name, src)...)
	}
	slices.Sort(late)
	b.ReportMetric(float64(len(late)), "polls")
	b.ReportMetric(float64(late[0].Microseconds())/1000, "ms-late-min")
	b.ReportMetric(float64(late[len(late)-1].Microseconds())/1000, "ms-late-max")
	b.ReportMetric(float64(late[len(late)*99/100].Microseconds())/1000, "ms-late-p99")
}
