package history

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// TestTooMuch refuses what would take too much memory, before it takes it.
func TestTooMuch(t *testing.T) {
	t.Parallel()
	begin, now := noon.Add(-350*time.Minute), noon
	s := open(t, t.TempDir(), &now, 0)
	for i := range 2090 {
		values := make(map[string]float64, 150)
		for k := range 150 {
			values[fmt.Sprint(k)] = float64(k)
		}
		s.Add("a", begin.Add(time.Duration(i)*Width), values)
	}
	for _, where := range []string{"memory", "blocks"} {
		span, err := Plan(now, begin, now, Width)
		must(t, err)
		if block, err := s.Range("a", span); !errors.Is(err, ErrTooMuch) || block != nil {
			t.Errorf("in %s: %d series, %v; want ErrTooMuch", where, len(block), err)
		}
		span, err = Plan(now, begin, now, time.Minute)
		must(t, err)
		if block, err := s.Range("a", span); err != nil || len(block) != 150 {
			t.Errorf("in %s, by the minute: %d series, %v; want 150", where, len(block), err)
		}
		must(t, s.Flush())
		s.folded = time.Time{}
		must(t, s.tidy())
	}
}

// TestRangeOfOne asks for 90 days of one subscription: what that takes does not depend on how many others there are.
func TestRangeOfOne(t *testing.T) {
	took := make(map[int]float64)
	for _, feeds := range []int{1, 200} {
		now := noon.Add(-90 * 24 * time.Hour)
		s := open(t, t.TempDir(), &now, 0)
		for day := range 90 {
			for hour := range 3 {
				for f := range feeds {
					s.Add(fmt.Sprint("feed", f), now.Add(time.Duration(8*hour)*time.Hour), map[string]float64{"x": float64(hour)})
				}
			}
			now = now.Add(24 * time.Hour)
			must(t, s.Flush())
			if day%10 == 9 {
				s.folded = time.Time{}
				must(t, s.tidy())
			}
		}
		span, err := Plan(now, noon.Add(-90*24*time.Hour), noon, 3*time.Hour)
		must(t, err)
		block, err := s.Range("feed0", span)
		must(t, err)
		if n := len(block["x"]); n != 90*3 {
			t.Fatalf("%d cells; want %d", n, 90*3)
		}
		took[feeds] = testing.AllocsPerRun(5, func() { _, _ = s.Range("feed0", span) })
		must(t, s.Close())
	}
	t.Logf("allocations by the number of feeds: %v", took)
	if took[200] > 2*took[1]+100 {
		t.Errorf("one feed of 200 takes %v allocations, one of one %v; want as many or nearly", took[200], took[1])
	}
}
