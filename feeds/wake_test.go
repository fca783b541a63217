package feeds

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// listener is a fakeSource that runs, and wakes the scheduler when told.
type listener struct {
	*fakeSource
	RunFn func(ctx context.Context) error // default: until ctx ends

	mu   sync.Mutex
	wake []func(string) // of each run
}

func (l *listener) Run(ctx context.Context, wake func(string)) error {
	l.mu.Lock()
	l.wake = append(l.wake, wake)
	l.mu.Unlock()
	if l.RunFn != nil {
		return l.RunFn(ctx)
	}
	<-ctx.Done()
	return nil
}

// say wakes all schedulers that ran l.
func (l *listener) say(unionID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, wake := range l.wake {
		wake(unionID)
	}
}

func (l *listener) runs() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wake)
}

func listening(d Description) *listener {
	return &listener{fakeSource: &fakeSource{Description: d, PollFn: counting(3)}}
}

func (l *listener) wantStarts(t *testing.T, t0 time.Time, want ...float64) {
	t.Helper()
	if got := l.starts(t0); !slices.Equal(got, want) {
		t.Errorf("polls started at %v s; want %v", got, want)
	}
}

func TestWakePollsAtOnceAndThenOncePerGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := listening(wholeTable)
		r := startRig(t, Options{}, Feed{Name: "a", Source: src, MinGap: 2 * time.Second})
		defer r.stop()
		r.watch("a")
		time.Sleep(5 * time.Second)
		for range 30 { // from 5 s to 8 s
			src.say("")
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(20 * time.Second)
		src.wantStarts(t, r.t0, 0, 5, 7, 9, 19) // the last wake at its end; then an interval after the last start
	})
}

func TestWakeDuringAPollIsAnsweredAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := listening(wholeTable)
		src.PollFn = func(context.Context, Query) (Result, error) {
			time.Sleep(3 * time.Second)
			return Result{}, nil
		}
		r := startRig(t, Options{}, Feed{Name: "a", Source: src})
		defer r.stop()
		r.watch("a")
		time.Sleep(time.Second)
		src.say("") // the source may have been read before
		time.Sleep(8 * time.Second)
		src.wantStarts(t, r.t0, 0, 3)
	})
}

func TestWakeIsForOneUserOrAll(t *testing.T) {
	asked := func(l *listener) string {
		l.fakeSource.mu.Lock()
		defer l.fakeSource.mu.Unlock()
		var list []string
		for _, q := range l.asked {
			list = append(list, q.UnionID)
		}
		l.asked = nil
		slices.Sort(list)
		return strings.Join(list, " ")
	}
	for _, d := range []Description{{Whole: true, PerUser: true}, {PerUser: true}} {
		synctest.Test(t, func(t *testing.T) {
			src := listening(d)
			r := startRig(t, Options{}, Feed{Name: "a", Source: src})
			defer r.stop()
			r.watch("a/7/1/10")
			r.watch("a/8/1/10")
			time.Sleep(2 * time.Second)
			if got := asked(src); got != "7 8" {
				t.Fatalf("asked for %q; want 7 8", got)
			}
			src.say("7")
			src.say("9") // whom nobody watches
			time.Sleep(2 * time.Second)
			if got := asked(src); got != "7" {
				t.Errorf("woken for 7 and 9, asked for %q; want 7", got)
			}
			src.say("")
			time.Sleep(2 * time.Second)
			if got := asked(src); got != "7 8" {
				t.Errorf("woken for all, asked for %q; want 7 8", got)
			}
		})
	}
}

func TestWakeOfWhatNobodyWantsWaitsForWhoComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := listening(wholeTable)
		r := startRig(t, Options{}, Feed{Name: "a", Source: src, Interval: time.Minute})
		defer r.stop()
		_, release := r.watch("a")
		time.Sleep(time.Second)
		release()
		time.Sleep(3*time.Minute + 20*time.Second) // forgotten; its last table is 20 s old
		before := src.count()
		src.say("")
		time.Sleep(10 * time.Second)
		if src.count() != before {
			t.Errorf("%d polls for nobody", src.count()-before)
		}
		sub, _ := r.watch("a")
		time.Sleep(time.Second)
		if got := r.last(sub); got.Status != OK || src.count() != before+1 {
			t.Errorf("%s after %d polls for who came, of what is known to be old; want 1", got.Status, src.count()-before)
		}
	})
}

func TestWakeOnAllNodesIsOnePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &listener{fakeSource: slowly(50 * time.Millisecond)}
		nodes := m.joinAll(3, Feed{Name: "a", Source: src})
		sub := watchAll(nodes, 1, "a")
		time.Sleep(5 * time.Second)
		poller, claims := m.polledLast("a"), len(m.asked)
		src.say("")
		time.Sleep(2 * time.Second)
		if src.count() != 2 || m.polledLast("a") != poller {
			t.Errorf("%d polls, the last by %s; want one more by %s", src.count(), m.polledLast("a").name, poller.name)
		}
		if got := len(m.asked) - claims; got != 1 {
			t.Errorf("%d claims for a wake; want 1: %v", got, m.asked[claims:])
		}
		time.Sleep(7500 * time.Millisecond)
		if src.count() != 2 {
			t.Errorf("polls at %v; want the next an interval after the woken one", src.starts(nodes[0].t0))
		}
		wantEqual(t, nodes, sub)
	})
}

// TestWakeOnTheNodesThatDidNotPollLast has it heard by those alone: one of them polls, and all show that.
func TestWakeOnTheNodesThatDidNotPollLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		table := &fakeSource{Description: wholeTable, PollFn: counting(3)}
		var nodes []*meshNode
		var sources []*listener
		for range 3 {
			l := &listener{fakeSource: table}
			sources = append(sources, l)
			nodes = append(nodes, m.join(0, Feed{Name: "a", Source: l}))
		}
		sub := watchAll(nodes, 1, "a")
		time.Sleep(5 * time.Second)
		poller := m.polledLast("a")
		for i, n := range nodes {
			if n != poller {
				sources[i].say("")
			}
		}
		time.Sleep(time.Second)
		if table.count() != 2 || m.polledLast("a") == poller {
			t.Errorf("%d polls, the last by %s; want a second one, and not by %s", table.count(), m.polledLast("a").name, poller.name)
		}
		wantEqual(t, nodes, sub)
	})
}

// TestWakeThatItsWinnerDiesOf has the node that took the wake die: the interval has the poll.
func TestWakeThatItsWinnerDiesOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		src := &listener{fakeSource: slowly(3 * time.Second)}
		nodes := m.joinAll(2, Feed{Name: "a", Source: src})
		sub := watchAll(nodes, 1, "a")
		time.Sleep(5 * time.Second)
		src.say("")
		time.Sleep(time.Second)
		dead, left := nodes[0], nodes[1]
		if m.polledLast("a") == left {
			dead, left = left, dead
		}
		dead.kill()
		time.Sleep(11 * time.Second)
		if src.count() != 3 {
			t.Errorf("polls at %v; want a third, by who is left", src.starts(left.t0))
		}
		if r := left.last(sub); r.Status != OK || m.polledLast("a") != left {
			t.Errorf("%s; want the poll of who is left", describe(r, left.t0))
		}
	})
}

func TestSourceThatEndsIsRunAgainAndSaysSo(t *testing.T) {
	for name, end := range map[string]func() error{
		"an error": func() error { return errors.New("listen: refused") },
		"nothing":  func() error { return nil },
		"a panic":  func() error { panic("listen: refused") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				src := listening(wholeTable)
				src.RunFn = func(ctx context.Context) error {
					if src.runs() > 1 {
						<-ctx.Done()
						return nil
					}
					time.Sleep(4 * time.Second)
					return end()
				}
				r := startRig(t, Options{}, Feed{Name: "a", Source: src})
				defer r.stop()
				sub, _ := r.watch("a")
				time.Sleep(4*time.Second + time.Millisecond)
				if got := r.last(sub); got.Status != Stale || !strings.Contains(got.Error, "ended") && !strings.Contains(got.Error, "refused") {
					t.Errorf("%s %s; want stale and why", got.Status, got.Error)
				}
				time.Sleep(4 * time.Second)
				if got := r.last(sub); got.Status != OK || src.runs() != 2 {
					t.Errorf("%s after %d runs; want ok after 2", got.Status, src.runs())
				}
			})
		})
	}
}

func TestPausesBetweenRunsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := listening(wholeTable)
		src.RunFn = func(context.Context) error { return errDown }
		r := startRig(t, Options{}, Feed{Name: "a", Source: src, Interval: 2 * time.Second})
		time.Sleep(100 * time.Second)
		r.stop()
		if n := src.runs(); n < 8 || n > 25 { // 1, 2, 4, 8, and then 10 s, each half as much or half as much again
			t.Errorf("%d runs in 100 s", n)
		}
	})
}

func TestMinGapIsChecked(t *testing.T) {
	for _, gap := range []time.Duration{time.Millisecond, 11 * time.Second, -time.Second} {
		_, err := NewScheduler([]Feed{{Name: "a", Source: listening(wholeTable), MinGap: gap}}, nil, Options{})
		if want := fmt.Sprintf("minGap %s: 100ms to the interval of 10s is allowed", gap); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
