package feeds

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestSameSaysNothingOfATimeThatIsGone has a source give the same records with a time, a later one, none, none again, and one again.
func TestSameSaysNothingOfATimeThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		times := []time.Time{now, now.Add(time.Second), {}, {}, now}
		want := []bool{false, true, false, true, false}
		polls := 0
		src := &fakeSource{PollFn: func(context.Context, Query) (Result, error) {
			at := times[polls]
			polls++
			return Result{Records: []Record{{"id": 1}}, Total: 1, Newest: at}, nil
		}}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, _ := r.watch("a")
		time.Sleep(DefaultInterval*4 + time.Second)
		got := r.readings(sub)
		if len(got) != len(want) {
			t.Fatalf("%d readings; want %d", len(got), len(want))
		}
		for i, g := range got {
			if g.Same != want[i] || !g.SourceAt.Equal(times[i]) {
				t.Errorf("reading %d: same %v with time %v; want %v with %v", i+1, g.Same, g.SourceAt, want[i], times[i])
			}
		}
	})
}
