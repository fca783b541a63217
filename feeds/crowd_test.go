package feeds

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// taking is a paged source that keeps when each page was asked for, and takes its time.
type taking struct {
	fakeSource
	took time.Duration
}

func newTaking(took time.Duration) *taking {
	s := &taking{took: took}
	s.PollFn = func(_ context.Context, q Query) (Result, error) {
		time.Sleep(took)
		return Result{Records: []Record{{"id": q.Offset}}, Total: 1e6}, nil
	}
	return s
}

// starts returns when each page was asked for, by its first record.
func (s *taking) starts() map[int][]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[int][]time.Time)
	for i, q := range s.asked {
		out[q.Offset] = append(out[q.Offset], s.polls[i])
	}
	return out
}

// late returns how much later than announced polls began, at most. It fails the test if one began before that.
func late(t *testing.T, r *rig, sub Subscription, starts []time.Time) (most time.Duration) {
	t.Helper()
	for _, got := range r.readings(sub) {
		next := slices.IndexFunc(starts, func(at time.Time) bool { return at.After(got.At) })
		if got.Status != OK || next < 0 {
			continue
		}
		off := starts[next].Sub(got.Due.Add(-got.Took))
		if off < 0 {
			t.Errorf("%s: poll %d began %v before its time", sub, next+1, -off)
		}
		most = max(most, off)
	}
	return most
}

// TestCrowdSpreads has a thousand pages wanted at the same moment: the first polls are made as fast as the source allows, and after that each
// has a place of its own in the interval.
func TestCrowdSpreads(t *testing.T) {
	for _, took := range []time.Duration{0, 30 * time.Millisecond, 150 * time.Millisecond} {
		t.Run(took.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const many = 1000
				src := newTaking(took)
				r := startRig(t, Options{}, Feed{Name: "a", Source: src})
				defer r.stop()
				var subs []Subscription
				for i := range many {
					sub, _ := r.watch(fmt.Sprintf("a/-/%d/1", i+1))
					subs = append(subs, sub)
				}
				time.Sleep(60*time.Second - time.Millisecond) // the seventh poll of the first may be at 60 s
				starts := src.starts()
				inWindow := make(map[time.Duration]int)
				for i, sub := range subs {
					list := starts[i]
					if len(list) < 5 || len(list) > 6 {
						t.Fatalf("%s: %d polls in 6 intervals", sub, len(list))
					}
					if off := late(t, r, sub, list); off > DefaultInterval/20 {
						t.Errorf("%s: a poll began %v after its time", sub, off)
					}
					if gap := list[1].Sub(list[0]); gap < DefaultInterval || gap > DefaultInterval*3/2 {
						t.Errorf("%s: the second poll began %v after the first", sub, gap)
					}
					inWindow[list[4].Sub(r.t0)/(DefaultInterval/20)]++
				}
				for at, n := range inWindow {
					if n > many/8 {
						t.Errorf("%d polls in window %d of 20", n, at)
					}
				}
			})
		})
	}
}

// TestCrowdHoldsUpNobody has a crowd come to a feed that is watched. Who is there is polled in time, or as soon as one of the polls that
// run has ended, for as long as the crowd is polled for the first time; and always, if the source can answer all in an interval.
func TestCrowdHoldsUpNobody(t *testing.T) {
	const many = 900
	for _, came := range []time.Duration{time.Second, 4 * time.Second, 6 * time.Second, 9 * time.Second, 9300 * time.Millisecond} {
		for _, took := range []time.Duration{300 * time.Millisecond, 500 * time.Millisecond, time.Second} {
			t.Run(fmt.Sprint(came, " ", took), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					src := newTaking(took)
					r := startRig(t, Options{}, Feed{Name: "a", Source: src})
					defer r.stop()
					sub, _ := r.watch("a/-/1/1")
					time.Sleep(came)
					for i := range many {
						r.watch(fmt.Sprintf("a/-/%d/1", i+2))
					}
					time.Sleep(60 * time.Second)
					starts := src.starts()
					if len(starts) != many+1 {
						t.Errorf("%d pages were polled; want all", len(starts))
					}
					mine := starts[0]
					if work := many * took / 32; work > DefaultInterval {
						t.Log(offsets(mine, r.t0))
						mine = mine[:2]
					}
					if off := late(t, r, sub, mine); off > max(DefaultInterval/20, took) {
						t.Errorf("who was there is polled %v late, at %v", off, offsets(starts[0], r.t0))
					}
				})
			})
		}
	}
}

func offsets(list []time.Time, from time.Time) (out []time.Duration) {
	for _, at := range list {
		out = append(out, at.Sub(from))
	}
	return out
}

// TestCrowdWithoutRoom has more polls wanted than the source can answer: each has its turn.
func TestCrowdWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := newTaking(time.Second)
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		for i := range 640 { // 20 s of work
			r.watch(fmt.Sprintf("a/-/%d/1", i+1))
		}
		time.Sleep(100 * time.Second)
		for page, list := range src.starts() {
			if len(list) < 4 || len(list) > 6 {
				t.Errorf("page %d: %d polls in 100 s; want about 5", page, len(list))
			}
		}
	})
}

func TestPlacesAreTakenOnce(t *testing.T) {
	f := &feed{Feed: Feed{Interval: 10 * time.Second}}
	now := time.Now()
	if at := f.place(now, 1000); at != now.Add(10*time.Second) {
		t.Errorf("the first is due after %v", at.Sub(now))
	}
	var last time.Time
	for i := range 5000 { // of which most are gone by then
		at := f.place(now, 1000)
		if wait := at.Sub(now); wait < 10*time.Second || wait >= 15*time.Second || i < 900 && !at.After(last) {
			t.Fatalf("place %d is after %v", i, wait)
		}
		last = at
	}
	if at := f.place(now.Add(time.Minute), 1000); at != now.Add(70*time.Second) {
		t.Errorf("after a minute one is due after %v", at.Sub(now))
	}
}
