package feeds

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPushedWhileAloneIsPassedOn has a node alone be pushed to, watched there or not, and the others get it when it is back.
func TestPushedWhileAloneIsPassedOn(t *testing.T) {
	for _, watched := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			m := newMesh(t)
			defer m.stop()
			nodes, pushes := pushMesh(t, m, 2, PushOptions{PerUser: true}, Feed{})
			sub, _ := nodes[1].watch("a/7/1/10")
			if watched {
				nodes[0].watch("a/7/1/10")
			}
			put(t, pushes[0], "7", 1)
			time.Sleep(time.Second)
			nodes[0].set(func(n *meshNode) { n.alone = true })
			put(t, pushes[0], "7", 2)
			time.Sleep(time.Hour)
			wantShown(t, nodes[1].last(sub), 1, OK)
			nodes[0].set(func(n *meshNode) { n.alone = false })
			nodes[0].Rejoined()
			time.Sleep(time.Second)
			wantShown(t, nodes[1].last(sub), 2, OK)
			nodes[0].Rejoined()
			time.Sleep(time.Hour)
			if n := nodes[0].Polls(); !watched && n != 0 || len(nodes[0].untold) != 0 {
				t.Errorf("%d polls and %d untold pushes are kept for nobody", n, len(nodes[0].untold))
			}
		})
	}
}

// TestPushedWhileAloneAndOvertaken has the newer one be shown on both, and the loss be said.
func TestPushedWhileAloneAndOvertaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 2, PushOptions{}, Feed{})
		var log strings.Builder
		nodes[0].opts.Logger = slog.New(slog.NewTextHandler(&log, nil))
		sub := watchAll(nodes, 1, "a")
		time.Sleep(time.Second)
		nodes[0].set(func(n *meshNode) { n.alone = true })
		put(t, pushes[0], "", 1)
		time.Sleep(time.Second)
		nodes[1].set(func(n *meshNode) { n.alone = false })
		put(t, pushes[1], "", 2)
		time.Sleep(time.Second)
		wantShown(t, nodes[0].last(sub), 1, OK)
		nodes[0].set(func(n *meshNode) { n.alone = false })
		nodes[0].Rejoined()
		time.Sleep(time.Second)
		wantShown(t, nodes[0].last(sub), 2, OK)
		wantEqual(t, nodes, sub)
		if !strings.Contains(log.String(), "pushed while this node was alone") {
			t.Errorf("the log does not say it: %s", log.String())
		}
	})
}

// TestHandOverWaitsForWhatWasPushed does not wait for the gap to end.
func TestHandOverWaitsForWhatWasPushed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMesh(t)
		defer m.stop()
		nodes, pushes := pushMesh(t, m, 2, PushOptions{}, Feed{MinGap: 8 * time.Second})
		sub, _ := nodes[1].watch("a")
		for value := range 3 {
			put(t, pushes[0], "", value)
			time.Sleep(10 * time.Millisecond)
		}
		begun := time.Now()
		nodes[0].HandOver(t.Context())
		if took := time.Since(begun); took > time.Second {
			t.Errorf("HandOver took %v", took)
		}
		nodes[0].kill()
		time.Sleep(time.Second)
		wantShown(t, nodes[1].last(sub), 2, OK)
	})
}

// TestWakeDoesNotHurryWhatFails but for who was away, and says when it is back.
func TestWakeDoesNotHurryWhatFails(t *testing.T) {
	for _, tt := range []struct {
		err         error
		least, most int
	}{{errDown, 2, 5}, {errors.Join(errDown, ErrAway), 20, 200}} {
		synctest.Test(t, func(t *testing.T) {
			src := listening(wholeTable)
			src.PollFn = func(context.Context, Query) (Result, error) { return Result{}, tt.err }
			r := startRig(t, Options{}, Feed{Name: "a", Source: src})
			defer r.stop()
			r.watch("a")
			time.Sleep(time.Second)
			for range 300 {
				src.say("")
				time.Sleep(100 * time.Millisecond)
			}
			if n := src.count(); n < tt.least || n > tt.most {
				t.Errorf("%v: %d polls in 31 s, woken all the time; want %d to %d", tt.err, n, tt.least, tt.most)
			}
		})
	}
}

// TestSourcesAreClosedOnce at the end, through a mapping as well, when no poll is running.
func TestSourcesAreClosedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		src := &closable{fakeSource: &fakeSource{Description: wholeTable, PollFn: counting(3)}}
		mapped, err := Map(src, Mapping{Title: "x"})
		if err != nil {
			t.Fatal(err)
		}
		r := startRig(t, Options{}, Feed{Name: "a", Source: mapped})
		r.watch("a")
		time.Sleep(time.Minute)
		if src.closes != 0 {
			t.Error("closed while it is polled")
		}
		r.stop()
		if src.closes != 1 {
			t.Errorf("closed %d times; want 1", src.closes)
		}
	})
}

type closable struct {
	*fakeSource
	closes int
}

func (c *closable) Close() error { c.closes++; return nil }
