package feeds

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// failing is a source whose polls fail between the given numbers, counted from 1.
func failing(from, to int) *fakeSource {
	src := &fakeSource{Description: wholeTable}
	src.PollFn = func(context.Context, Query) (Result, error) {
		if n := src.count(); from <= n && n <= to {
			return Result{}, errDown
		}
		return Result{Records: []Record{{"id": "x", "value": 1.5}}}, nil
	}
	return src
}

// wantGaps checks the gaps between polls in intervals of 10 s. A longer one is a pause, which may be up to a tenth shorter.
func wantGaps(t *testing.T, starts []float64, want ...float64) {
	t.Helper()
	if len(starts) != len(want)+1 {
		t.Fatalf("polls at %v; want %d", starts, len(want)+1)
	}
	for i, n := range want {
		least, most := 10*n-0.1, 10*n+0.6 // a node that failed leaves others the head start
		if n > 1 {
			least = 9 * n
		}
		if gap := starts[i+1] - starts[i]; gap < least || gap > most {
			t.Errorf("poll %d comes %v s after the one before; want %v to %v", i+2, gap, least, most)
		}
	}
}

func TestSourceThatFailsIsAskedLessOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := failing(2, 9)
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, _ := r.watch("a")
		time.Sleep(245 * time.Second)
		starts := src.starts(r.t0)
		wantGaps(t, starts[:11], 1, 1, 1, 1, 1, 2, 3, 5, 5, 1)
		list := r.readings(sub)
		for i, got := range list[:len(list)-1] {
			open := CircuitClosed
			if 5 <= i && i <= 8 {
				open = CircuitOpen
			}
			if next := starts[i+1]; got.Circuit != open || got.Due.Sub(r.t0).Seconds() != next || math.Abs(got.Gap.Seconds()-(next-starts[i])) > 1e-6 {
				t.Errorf("reading %d: circuit %q, due at %v, gap %v; want %q and the next at %v s", i+1, got.Circuit, got.Due.Sub(r.t0), got.Gap, open, next)
			}
		}
		if got := list[8]; got.Status != Stale || got.Page == nil || got.Error != "Connect to database: refused." {
			t.Errorf("while it pauses: %s, %q; want the last good page and why it is old", describe(got, r.t0), got.Error)
		}
	})
}

func TestCircuitsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := failing(1, 7)
		bad.Description = Description{PerUser: true}
		r := startRig(t, Options{}, Feed{Name: "a", Source: bad}, Feed{Name: "b", Source: slowly(0)})
		defer r.stop()
		_, release := r.watch("a/7")
		defer release()
		r.watch("b")
		for _, tt := range []struct {
			at   time.Duration
			want string
		}{{39 * time.Second, "map[a:0 b:0]"}, {41 * time.Second, "map[a:1 b:0]"}, {89 * time.Second, "map[a:1 b:0]"}, {150 * time.Second, "map[a:0 b:0]"}} {
			time.Sleep(time.Until(r.t0.Add(tt.at)))
			if got := fmt.Sprint(r.Circuits()); got != tt.want {
				t.Errorf("after %s: %s; want %s", tt.at, got, tt.want)
			}
		}
	})
}

// TestWhoComesDuringAPause is told at once why there is nothing and when it is tried again, and ends no pause.
func TestWhoComesDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := failing(1, 100)
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, release := r.watch("a")
		time.Sleep(91 * time.Second) // the pause of 5 intervals has begun
		polls := src.count()
		release()
		time.Sleep(35 * time.Second)
		came := time.Now()
		got, err := r.Newest(t.Context(), r.resolve("a/-/2"))
		if err != nil || got.Status != Failed || got.Circuit != CircuitOpen || !got.Due.After(came) || !time.Now().Equal(came) {
			t.Errorf("Newest = %s, circuit %q, due in %v, %v after %s; want the failure at once", describe(got, r.t0), got.Circuit, got.Due.Sub(came), err, time.Since(came))
		}
		if again, err := r.Newest(t.Context(), sub); err != nil || !again.Due.Equal(got.Due) || src.count() != polls {
			t.Errorf("who comes back is told %s, due %s, %v after %d more polls; want what is known", describe(again, r.t0), again.Due, err, src.count()-polls)
		}
		time.Sleep(time.Until(got.Due) + time.Second)
		if src.count() != polls+1 {
			t.Errorf("polls at %v; want one more when it was due", src.starts(r.t0))
		}
	})
}

func TestWakeEndsNoPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, back := listening(wholeTable), atomic.Bool{}
		src.PollFn = func(context.Context, Query) (Result, error) {
			if back.Load() {
				return Result{}, nil
			}
			return Result{}, errDown
		}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, _ := r.watch("a")
		time.Sleep(time.Second)
		src.say("") // the first wake of a run is answered at once
		time.Sleep(90 * time.Second)
		polls, due := src.count(), r.last(sub).Due
		for range 20 {
			src.say("")
			time.Sleep(time.Second)
		}
		if src.count() != polls || !r.last(sub).Due.Equal(due) {
			t.Errorf("%d polls by wakes, due %s; want none before %s", src.count()-polls, r.last(sub).Due, due)
		}
		back.Store(true)
		time.Sleep(time.Until(due) + time.Second)
		if got := r.last(sub); got.Status != OK || got.Circuit != CircuitClosed || src.count() != polls+1 {
			t.Errorf("%s, circuit %q after %d polls; want ok after one", describe(got, r.t0), got.Circuit, src.count()-polls)
		}
	})
}

func TestSourceThatWasAwayEndsItsPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src, back := listening(wholeTable), atomic.Bool{}
		src.PollFn = func(context.Context, Query) (Result, error) {
			if back.Load() {
				return Result{}, nil
			}
			return Result{}, &awayError{errDown}
		}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		sub, _ := r.watch("a")
		time.Sleep(time.Second)
		src.say("") // the first wake of a run is answered at once
		time.Sleep(90 * time.Second)
		if got := r.last(sub); got.Circuit != CircuitOpen {
			t.Errorf("circuit %q; want a pause", got.Circuit)
		}
		back.Store(true)
		src.say("")
		time.Sleep(time.Second)
		if got := r.last(sub); got.Status != OK || got.Circuit != CircuitClosed {
			t.Errorf("%s, circuit %q a second after the source was back", describe(got, r.t0), got.Circuit)
		}
	})
}

// TestNodesPauseAlike has a third node come late into a pause: it takes what is kept and asks nobody.
func TestNodesPauseAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), failing(2, 9)
		defer m.stop()
		feed := Feed{Name: "a", Source: src}
		nodes := []*meshNode{m.join(0, feed), m.join(15*time.Second, feed)}
		sub := watchAll(nodes, 1, "a")
		time.Sleep(135 * time.Second) // in the pause of 5 intervals
		polls := src.count()
		late := m.join(-15*time.Second, feed)
		late.watch("a")
		time.Sleep(time.Second)
		first := nodes[0].last(sub)
		for _, n := range m.nodes {
			got := n.last(sub)
			if got.Circuit != CircuitOpen || got.Version != first.Version || got.Due.Sub(first.Due).Abs() > 100*time.Millisecond || got.Page == nil {
				t.Errorf("%s: %s, circuit %q, due %s; want what %s has, due %s", n.name, describe(got, n.t0), got.Circuit, got.Due, nodes[0].name, first.Due)
			}
		}
		if src.count() != polls {
			t.Errorf("%d polls for who came late", src.count()-polls)
		}
		time.Sleep(110 * time.Second)
		wantGaps(t, src.starts(nodes[0].t0)[:11], 1, 1, 1, 1, 1, 2, 3, 5, 5, 1)
		wantEqual(t, m.nodes, sub)
		for _, n := range m.nodes {
			if got := n.last(sub); got.Status != OK || got.Circuit != CircuitClosed {
				t.Errorf("%s: %s, circuit %q after it was back", n.name, describe(got, n.t0), got.Circuit)
			}
		}
	})
}

// TestNodeThatPolledLastDiesInAPause is replaced when the pause is over: no sooner, and no interval later.
func TestNodeThatPolledLastDiesInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, src := newMesh(t), failing(1, 8)
		defer m.stop()
		nodes := m.joinAll(2, Feed{Name: "a", Source: src})
		sub := watchAll(nodes, 1, "a")
		time.Sleep(150 * time.Second)
		dead, left := nodes[0], nodes[1]
		if m.polledLast("a") == left {
			dead, left = left, dead
		}
		dead.kill()
		due := left.last(sub).Due
		time.Sleep(60 * time.Second)
		starts := src.starts(left.t0)
		wantGaps(t, starts[:9], 1, 1, 1, 1, 2, 3, 5, 5)
		if late := starts[8] - due.Sub(left.t0).Seconds(); late < 0 || late > 1 {
			t.Errorf("polls at %v; want the last one when it was due at %v", starts, due.Sub(left.t0))
		}
		if got := left.last(sub); got.Status != OK || got.Circuit != CircuitClosed {
			t.Errorf("%s, circuit %q; want the poll of who is left", describe(got, left.t0), got.Circuit)
		}
	})
}
