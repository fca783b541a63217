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

// lateness returns how much later than an interval after the one before each poll of each page began, but the first two, sorted.
func (p *punctual) lateness(interval time.Duration) (late []time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.at {
		for i := 2; i < len(list); i++ {
			late = append(late, list[i].Sub(list[i-1])-interval)
		}
	}
	slices.Sort(late)
	return late
}

// BenchmarkPunctual has 10,000 distinct subscriptions come at the same moment to a running scheduler, ten feeds of sources that take 50 ms,
// and tells how late their polls begin. An iteration is one interval, in real time.
func BenchmarkPunctual(b *testing.B) {
	const interval = 10 * time.Second
	var sources []*punctual
	var list []Feed
	for i := range 10 {
		src := &punctual{took: 50 * time.Millisecond, at: make(map[int][]time.Time)}
		sources = append(sources, src)
		list = append(list, Feed{Name: fmt.Sprint("f", i), Source: src, Interval: interval})
	}
	s, err := NewScheduler(list, &nullSink{}, Options{Logger: slog.New(slog.DiscardHandler)})
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
	for _, src := range sources {
		late = append(late, src.lateness(interval)...)
	}
	slices.Sort(late)
	b.ReportMetric(float64(len(late)), "polls")
	b.ReportMetric(float64(late[len(late)-1].Microseconds())/1000, "ms-late-max")
	b.ReportMetric(float64(late[len(late)*99/100].Microseconds())/1000, "ms-late-p99")
}
