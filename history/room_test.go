package history

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// TestRoom gives 200 feeds 10,000 points each, of the unkindest kind, in less room than they need: the file never exceeds it, who is
// watched keeps what is new, and who is not loses all first.
func TestRoom(t *testing.T) {
	t.Parallel()
	const feeds, points, most = 200, 10_000, LeastSize
	now := noon.Add(-points * 10 * time.Second)
	s := open(t, t.TempDir(), &now, most)
	idle := now
	for i := range points {
		now = now.Add(10 * time.Second)
		watched := feeds
		if i >= points/4 {
			watched = feeds / 2 // nobody watches the other half any more
		}
		for f := range watched {
			s.Add(fmt.Sprintf("feed%d/-/1/10", f), now, map[string]float64{"x": math.Sin(float64(i * (f + 1)))})
		}
		if i%180 != 179 {
			continue
		}
		must(t, s.Flush())
		s.folded = time.Time{}
		must(t, s.tidy())
		if state := s.Stats(); state.Size > most {
			t.Fatalf("after %d points: %d bytes; want %d at most", i, state.Size, most)
		}
	}
	state := s.Stats()
	t.Logf("%d of %d bytes used, %d subscriptions", state.Used, state.Size, state.Subscriptions)
	if state.Dropped != 0 {
		t.Errorf("%d values dropped", state.Dropped)
	}
	if state.Subscriptions < feeds/2 {
		t.Errorf("%d subscriptions known; want the %d that are watched", state.Subscriptions, feeds/2)
	}
	for f := range feeds / 2 {
		if n := len(ask(t, s, fmt.Sprintf("feed%d/-/1/10", f), now.Add(-time.Hour), now, 0)["x"]); n < 359 {
			t.Fatalf("feed %d, which is watched, has %d cells of the last hour; want 360", f, n)
		}
	}
	if first := ask(t, s, "feed199/-/1/10", idle, now, 10*time.Minute); state.Used > most/5*4 && len(first) > 0 {
		t.Error("what nobody watches is still there though the file is full")
	}
}

// TestDropOldest fills the file with what is all watched: the oldest goes.
func TestDropOldest(t *testing.T) {
	t.Parallel()
	const most = LeastSize
	begin := noon.Add(-10 * 24 * time.Hour)
	now := begin
	s := open(t, t.TempDir(), &now, most)
	for i := 0; now.Before(noon); i++ {
		now = now.Add(time.Hour)
		for f := range 200 {
			values := make(map[string]float64)
			for series := range 6 {
				values[fmt.Sprint(series)] = math.Sin(float64(i * (f + 1) * (series + 1)))
			}
			for k := range 6 {
				s.Add(fmt.Sprint(f), now.Add(time.Duration(k-6)*10*time.Minute), values)
			}
		}
		if i%24 != 23 {
			continue
		}
		must(t, s.Flush())
		s.folded = time.Time{}
		must(t, s.tidy())
		if state := s.Stats(); state.Size > most {
			t.Fatalf("%d bytes; want %d at most", state.Size, most)
		}
	}
	if n := len(ask(t, s, "7", begin, begin.Add(12*time.Hour), 10*time.Minute)); n != 0 {
		t.Errorf("%d series of the first half day are still there", n)
	}
	if n := len(ask(t, s, "7", noon.Add(-24*time.Hour), noon, 10*time.Minute)["0"]); n < 100 {
		t.Errorf("%d cells of the last day; want 144 or nearly", n)
	}
}
