package history

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// BenchmarkRange asks for 90 days of one series among 200 feeds, in steps of 3 hours and of 20 minutes. It fails where that takes 100 ms.
func BenchmarkRange(b *testing.B) {
	now := noon.Add(-90 * 24 * time.Hour)
	s, err := Open(b.TempDir(), Options{Now: func() time.Time { return now }})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for i := 0; now.Before(noon); i++ {
		now = now.Add(10 * time.Minute)
		for f := range 200 {
			s.Add(fmt.Sprint("feed", f), now, map[string]float64{"x": math.Sin(float64(i + f))})
		}
		if i%144 == 143 {
			if err := s.Flush(); err != nil {
				b.Fatal(err)
			}
			s.folded = time.Time{}
			if err := s.tidy(); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, step := range []time.Duration{3 * time.Hour, 20 * time.Minute} {
		b.Run(fmt.Sprint("step=", step), func(b *testing.B) {
			span, err := Plan(now, noon.Add(-90*24*time.Hour), noon, step)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := s.Range("feed7", span); err != nil {
					b.Fatal(err)
				}
			}
			if each := b.Elapsed() / time.Duration(b.N); each > 100*time.Millisecond {
				b.Errorf("one range takes %v; want less than 100 ms", each)
			}
		})
	}
}
