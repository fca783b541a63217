package feeds

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// dated is a Push whose records say when they were written.
type dated struct{ *Push }

func (s dated) Describe() Description {
	d := s.Push.Describe()
	d.ID, d.Time, d.Values = "id", "at", []string{"value"}
	return d
}

func (s dated) Unwrap() Source { return s.Push }

func pushable(t *testing.T, o PushOptions) *Push {
	t.Helper()
	o.Key, o.PerSecond = "0123456789abcdef", 1000
	p, err := NewPush(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// put pushes one record.
func put(t *testing.T, p *Push, unionID string, value int) {
	t.Helper()
	if _, err := p.Put(unionID, fmt.Appendf(nil, `[{"id":"x","value":%d,"at":%q}]`, value, time.Now().UTC().Format(time.RFC3339Nano))); err != nil {
		t.Fatal(err)
	}
}

// wantShown says what is shown: a value and a status.
func wantShown(t *testing.T, r Reading, value int, status Status) {
	t.Helper()
	shown := -1
	if r.Page != nil && len(r.Page.Records) == 1 {
		shown = int(r.Page.Records[0]["value"].(int64))
	}
	if shown != value || r.Status != status || !r.Due.IsZero() {
		t.Errorf("shown is %d, %s %q, due %v; want %d, %s, never due", shown, r.Status, r.Error, r.Due, value, status)
	}
}

func TestPushedIsShownWithinTheGapAndHasNoRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pushable(t, PushOptions{})
		r := startRig(t, Options{}, Feed{Name: "a", Source: p, MinGap: time.Second})
		defer r.stop()
		sub, _ := r.watch("a")
		synctest.Wait()
		time.Sleep(time.Millisecond)
		wantShown(t, r.last(sub), -1, Loading)
		if got := r.last(sub).Error; got != nothingYet {
			t.Errorf("loading: %q; want %q", got, nothingYet)
		}
		put(t, p, "", 1)
		at := time.Now()
		time.Sleep(time.Millisecond)
		wantShown(t, r.last(sub), 1, OK)
		for i := range 9 {
			time.Sleep(50 * time.Millisecond)
			put(t, p, "", 2+i)
		}
		time.Sleep(time.Second)
		wantShown(t, r.last(sub), 10, OK)
		list := r.readings(sub)
		if len(list) != 3 {
			t.Fatalf("%d readings; want loading, the first push, and the last of those in its gap", len(list))
		}
		if got := list[2].At.Sub(at); got != 451*time.Millisecond {
			t.Errorf("read %v after the first push; want when it came", got)
		}
		time.Sleep(time.Hour)
		if n := len(r.readings(sub)); n != 3 {
			t.Errorf("%d more readings in an hour without a push", n-3)
		}
	})
}

// TestPushedWithNobodyWatchingIsKept has the newest state there for whoever comes, however late, and without a wait.
func TestPushedWithNobodyWatchingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pushable(t, PushOptions{PerUser: true})
		r := startRig(t, Options{}, Feed{Name: "a", Source: p})
		defer r.stop()
		put(t, p, "7", 1)
		put(t, p, "8", 2)
		time.Sleep(time.Hour)
		for user, value := range map[string]int{"7": 1, "8": 2} {
			got, err := r.Newest(t.Context(), r.resolve("a/"+user+"/1/10"))
			if err != nil {
				t.Fatal(err)
			}
			wantShown(t, got, value, OK)
		}
		begun := time.Now()
		for range 2 { // the second one is told so from memory
			got, err := r.Newest(t.Context(), r.resolve("a/9/1/10"))
			if err != nil {
				t.Fatal(err)
			}
			wantShown(t, got, -1, Loading)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("who asks for what was never pushed waits %v", took)
		}
		time.Sleep(time.Hour)
		if n := r.Polls(); n != 0 {
			t.Errorf("%d polls are kept for nobody", n)
		}
	})
}

// TestOnlyMaxAgeMakesPushedStale goes by the records' own time where there is one, else by when they came.
func TestOnlyMaxAgeMakesPushedStale(t *testing.T) {
	for name, wrap := range map[string]func(*Push) Source{
		"time of the push":    func(p *Push) Source { return p },
		"time of the records": func(p *Push) Source { return dated{p} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := pushable(t, PushOptions{})
				r := startRig(t, Options{}, Feed{Name: "a", Source: wrap(p), MaxAge: time.Minute})
				defer r.stop()
				sub, _ := r.watch("a")
				put(t, p, "", 1)
				time.Sleep(59 * time.Second)
				wantShown(t, r.last(sub), 1, OK)
				time.Sleep(2 * time.Second)
				wantShown(t, r.last(sub), 1, Stale)
				if got := r.last(sub); got.Reason != ReasonSourceOld || time.Since(got.Since) > 2*time.Second || time.Since(got.At) < time.Minute {
					t.Errorf("%s since %v, read at %v; want source-old since a second ago, as read when pushed", got.Reason, got.Since, got.At)
				}
				n := len(r.readings(sub))
				time.Sleep(time.Hour)
				if more := len(r.readings(sub)) - n; more != 0 {
					t.Errorf("%d more readings of what is stale", more)
				}
				put(t, p, "", 2)
				time.Sleep(time.Millisecond)
				wantShown(t, r.last(sub), 2, OK)
			})
		})
	}
}

// pushMesh is nodes with a Push each.
func pushMesh(t *testing.T, m *mesh, n int, o PushOptions, f Feed) (nodes []*meshNode, pushes []*Push) {
	t.Helper()
	for range n {
		p := pushable(t, o)
		f.Name, f.Source = "a", dated{p}
		pushes = append(pushes, p)
		nodes = append(nodes, m.join(0, f))
	}
	return nodes, pushes
}

func TestPushToAnyNodeIsShownOnAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 3, PushOptions{}, Feed{MaxAge: time.Minute})
		sub, _ := nodes[0].watch("a")
		nodes[1].watch("a")
		time.Sleep(time.Second)
		for i, p := range []*Push{pushes[2], pushes[0], pushes[1], pushes[2], pushes[0]} { // nobody watches on the third
			put(t, p, "", i)
			time.Sleep(50 * time.Millisecond)
			wantShown(t, nodes[0].last(sub), i, OK)
			wantEqual(t, nodes[:2], sub)
			time.Sleep(2 * time.Second)
		}
		nodes[2].watch("a") // it was not there, and has an older push of its own
		time.Sleep(50 * time.Millisecond)
		wantShown(t, nodes[2].last(sub), 4, OK)
		time.Sleep(time.Minute)
		wantShown(t, nodes[0].last(sub), 4, Stale)
		wantEqual(t, nodes, sub)
	})
}

// TestPushesOfOneMomentEndAlike has all nodes show the same, whichever of two pushes is the newest.
func TestPushesOfOneMomentEndAlike(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 3, PushOptions{}, Feed{})
		sub := watchAll(nodes, 1, "a")
		for round := range 20 {
			put(t, pushes[0], "", 10*round)
			time.Sleep(time.Duration(round) * time.Millisecond / 4) // within what it takes to the other nodes, and after
			put(t, pushes[1], "", 10*round+1)
			time.Sleep(2 * time.Second)
			wantEqual(t, nodes, sub)
		}
	})
}

// TestPushOfADeadNodeStays is there for a node that comes long after who was pushed to has gone.
func TestPushOfADeadNodeStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 1, PushOptions{PerUser: true}, Feed{})
		put(t, pushes[0], "7", 1)
		time.Sleep(time.Second)
		nodes[0].kill()
		time.Sleep(24 * time.Hour)
		later, _ := pushMesh(t, m, 1, PushOptions{PerUser: true}, Feed{})
		got, err := later[0].Newest(t.Context(), later[0].resolve("a/7/1/10"))
		if err != nil {
			t.Fatal(err)
		}
		wantShown(t, got, 1, OK)
		if age := time.Since(got.At); age < 24*time.Hour {
			t.Errorf("it says that it was read %v ago", age)
		}
	})
}

// TestPushThatGetsLostIsPublishedAgain has another node show it all the same.
func TestPushThatGetsLostIsPublishedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 2, PushOptions{}, Feed{})
		sub, _ := nodes[1].watch("a")
		time.Sleep(time.Second)
		nodes[0].set(func(n *meshNode) { n.loses = 20 })
		put(t, pushes[0], "", 1)
		time.Sleep(30 * time.Second)
		wantShown(t, nodes[1].last(sub), 1, OK)
	})
}

// TestPushWhileNobodyKnowsWhatIsKept is shown at once, and goes by what is kept later.
func TestPushWhileNobodyKnowsWhatIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 2, PushOptions{}, Feed{})
		put(t, pushes[0], "", 1)
		time.Sleep(time.Second)
		nodes[1].set(func(n *meshNode) { n.blind = 5 })
		sub, _ := nodes[1].watch("a")
		time.Sleep(time.Second)
		wantShown(t, nodes[1].last(sub), -1, Loading)
		time.Sleep(10 * time.Second)
		wantShown(t, nodes[1].last(sub), 1, OK)
	})
}

func TestPushedIsOfOneTableOnly(t *testing.T) {
	for _, d := range []Description{{Pushed: true}, {Pushed: true, Whole: true, PerNode: true}} {
		src := &fakeSource{Description: d, PollFn: func(context.Context, Query) (Result, error) { return Result{}, nil }}
		if _, err := NewScheduler([]Feed{{Name: "a", Source: src}}, nil, Options{Node: "n"}); err == nil {
			t.Errorf("%+v was not refused", d)
		}
	}
}
