package cluster

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFollows(t *testing.T) {
	here := new(link)
	tests := []struct {
		f    *follower
		want bool
	}{
		{nil, false},
		{&follower{link: here, epoch: "e", brought: 7, behind: 7}, true},
		{&follower{link: here, epoch: "e", brought: 8, behind: 7}, true},
		{&follower{link: here, epoch: "e", brought: 6, behind: 7}, false},
		{&follower{link: here, epoch: "another", brought: 7, behind: 7}, false},
		{&follower{link: new(link), epoch: "e", brought: 7, behind: 7}, false},
	}
	for i, tt := range tests {
		if got := tt.f.follows(here, "e"); got != tt.want {
			t.Errorf("%d: follows = %v, want %v", i, got, tt.want)
		}
	}
}

// newFollowed returns a log that is up to the second message, and its follower.
func newFollowed(log *recorder) (*messages, *follower) {
	m := NewHazelcast("a", log, Options{}).messages
	f := &follower{stop: func() {}}
	m.degraded, m.checked, m.changes, m.last, m.epoch = false, 1, 1, 2, "e"
	m.marks, m.follower = map[int64]uint64{2: 22}, f
	m.show()
	log.last = 2
	return m, f
}

// TestTake gives a node what its follower may bring: the next items are delivered, everything else is looked at.
func TestTake(t *testing.T) {
	two, three, four := logItem{seq: 2, key: "two", mark: 22}, logItem{seq: 3, key: "three"}, logItem{seq: 4, key: "four"}
	tests := []struct {
		name  string
		items []logItem
		want  []string
		looks bool
	}{
		{"the next", []logItem{three, four}, []string{"three", "four"}, false},
		{"once more", []logItem{two, three}, []string{"three"}, false},
		{"after a gap", []logItem{four}, nil, true},
		{"another log", []logItem{{seq: 2, key: "other", mark: 23}, three}, nil, true},
	}
	for _, tt := range tests {
		log := newRecorder()
		m, f := newFollowed(log)
		goesOn := m.take(f, tt.items, nil)
		if got := log.list(); !goesOn || !slices.Equal(got, tt.want) || (len(m.bell) == 1) != tt.looks {
			t.Errorf("%s: take = %v, the log took %q, looks: %v; want %q, %v", tt.name, goesOn, got, len(m.bell) == 1, tt.want, tt.looks)
		}
		log.check(t)
	}
}

// TestTakeNothing gives it what must not be delivered.
func TestTakeNothing(t *testing.T) {
	log := newRecorder()
	m, f := newFollowed(log)
	items := []logItem{{seq: 3, key: "three"}}
	m.take(new(follower), items, nil) // of one that was stopped
	m.distrust()
	m.take(f, items, nil)
	if got := log.list(); len(got) != 0 || f.brought != 3 {
		t.Errorf("the log took %q; the follower brought %d, want 3", got, f.brought)
	}
	if m.take(f, nil, context.Canceled) || m.follower != nil {
		t.Error("a follower that failed goes on")
	}
}

// TestVerified is a message that came though its sender was not told that it is safe.
func TestVerified(t *testing.T) {
	tests := []struct {
		name string
		look func(m *messages) // what the next look finds
		want bool
	}{
		{"the same log", func(m *messages) { m.checked = m.changes }, true},
		{"another log", func(m *messages) { m.epoch, m.checked = "f", m.changes }, false},
		{"nobody", func(m *messages) { m.degraded = true }, false},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			m, _ := newFollowed(newRecorder())
			m.distrust()
			var took time.Duration
			got := make(chan bool)
			go func() {
				begun := time.Now()
				ok := m.verified(t.Context(), Position{Epoch: "e", Seq: 2})
				took = time.Since(begun)
				got <- ok
			}()
			time.Sleep(time.Second)
			m.mu.Lock()
			tt.look(m)
			m.show()
			close(m.nextLook)
			m.nextLook = make(chan struct{})
			m.mu.Unlock()
			if ok := <-got; ok != tt.want || took != time.Second {
				t.Errorf("%s: verified = %v after %v, want %v after the look", tt.name, ok, took, tt.want)
			}
		})
	}
}
