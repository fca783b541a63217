package feeds

import (
	"context"
	"runtime"
	"testing"
	"time"
)

const benchSubs = 10_000

type nullSink struct{ puts int }

func (n *nullSink) Put(Reading)       { n.puts++ }
func (n *nullSink) Drop(Subscription) {}

// BenchmarkTick is one interval with 10,000 distinct subscriptions, each a poll of its own or all of them pages of one.
func BenchmarkTick(b *testing.B) {
	b.Run("paged", func(b *testing.B) { benchTicks(b, tenRecords{}) })
	b.Run("whole", func(b *testing.B) {
		rows, err := counting(10*benchSubs)(b.Context(), Query{})
		if err != nil {
			b.Fatal(err)
		}
		benchTicks(b, &fakeSource{Description: Description{Whole: true, ID: "id"}, PollFn: func(context.Context, Query) (Result, error) { return rows, nil }})
	})
}

// tenRecords is a paged source that costs little itself.
type tenRecords struct{}

func (tenRecords) Describe() Description { return Description{} }

func (tenRecords) Poll(_ context.Context, q Query) (Result, error) {
	rows := make([]Record, 10)
	for i := range rows {
		rows[i] = Record{"id": q.Offset + i, "value": float64(i)}
	}
	return Result{Records: rows, Total: 1e9}, nil
}

func benchTicks(b *testing.B, src Source) {
	var sink nullSink
	s, err := NewScheduler([]Feed{{Name: "a", Source: src}}, &sink, Options{MaxPollsPerFeed: benchSubs})
	if err != nil {
		b.Fatal(err)
	}
	before := heapBytes()
	for i := range benchSubs {
		if _, err := s.Watch(Subscription{Feed: "a", Current: i + 1, Size: 10}); err != nil {
			b.Fatal(err)
		}
	}
	wanted := heapBytes() - before
	now := time.Now()
	now = benchTo(b.Context(), s, now, now.Add(DefaultInterval-1)) // the first polls, which take their places
	for b.Loop() {
		now = benchTo(b.Context(), s, now, now.Add(DefaultInterval))
	}
	polled := heapBytes() - before
	runtime.KeepAlive(s)
	if least := benchSubs * b.N; sink.puts < least || sink.puts > least+benchSubs {
		b.Errorf("%d readings; want %d, and those on the way to the places", sink.puts, least)
	}
	b.ReportMetric(float64(wanted)/benchSubs, "B/wanted")
	b.ReportMetric(float64(polled)/benchSubs, "B/polled")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchSubs), "ns/reading")
}

// benchTo does what Run does meanwhile, the polls one after the other, and returns the end. It is never so late that places move.
func benchTo(ctx context.Context, s *Scheduler, now, end time.Time) time.Time {
	for ; now.Before(end); now = now.Add(DefaultInterval / bearable / 2) {
		benchTick(ctx, s, now)
	}
	return end
}

// benchTick does what Run does at one moment.
func benchTick(ctx context.Context, s *Scheduler, now time.Time) {
	for {
		s.mu.Lock()
		begin := s.step(now)
		out := s.outbox
		s.outbox = nil
		s.mu.Unlock()
		s.deliver(out)
		if len(begin)+len(out) == 0 {
			return
		}
		for _, p := range begin {
			s.poll(ctx, p)
		}
	}
}

func heapBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
