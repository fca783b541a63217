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
		{&follower{link: here, epoch: "e", changes: 1, brought: 7, behind: 7}, true},
		{&follower{link: here, epoch: "e", changes: 1, brought: 8, behind: 7}, true},
		{&follower{link: here, epoch: "e", changes: 1, brought: 6, behind: 7}, false},
		{&follower{link: here, epoch: "e", changes: 0, brought: 7, behind: 7}, false},
		{&follower{link: here, epoch: "another", changes: 1, brought: 7, behind: 7}, false},
		{&follower{link: new(link), epoch: "e", changes: 1, brought: 7, behind: 7}, false},
	}
	for i, tt := range tests {
		if got := tt.f.follows(here, "e", 1); got != tt.want {
			t.Errorf("%d: follows = %v, want %v", i, got, tt.want)
		}
	}
}

// newFollowed returns a log that is up to the second message, and its follower.
func newFollowed(log *recorder) (*messages, *follower) {
	m := NewHazelcast("a", log, Options{}).messages
	f := &follower{stop: func() {}}
	m.degraded, m.checked, m.changes, m.last, m.epoch = false, 1, 1, 2, "e"
	m.top = 2
	m.marks, m.follower = map[int64]uint64{2: 22}, f
	m.show()
	log.last = 2
	return m, f
}

// TestTake gives a node what its follower may bring, all of it copied: the next items are delivered, everything else is looked at.
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
		m.copied[4], m.copied[3] = 0, 0
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

// TestHeld is about items that came before anybody knew whether they have a copy.
func TestHeld(t *testing.T) {
	three, four := logItem{seq: 3, key: "three", mark: 33}, logItem{seq: 4, key: "four", mark: 44}
	other := logItem{seq: 3, key: "other", mark: 55}
	tests := []struct {
		name  string
		then  func(m *messages)
		want  []string
		looks bool
	}{
		{"nobody tells", func(m *messages) { m.release(false) }, nil, false},
		{"the first is copied", func(m *messages) { m.copiedHere("e", 3, 33) }, []string{"three"}, false},
		{"the last is copied", func(m *messages) { m.copiedHere("e", 4, 44) }, []string{"three", "four"}, false},
		{"more is copied than came", func(m *messages) { m.copiedHere("e", 5, 55) }, nil, false},
		{"another log", func(m *messages) { m.copiedHere("f", 3, 33) }, nil, false},
		{"another item is copied in the place", func(m *messages) { m.copiedHere("e", 3, 55) }, nil, true},
		{"another item is copied in the place, and one after it", func(m *messages) { m.copiedHere("e", 3, 55); m.copiedHere("e", 4, 44) }, nil, true},
		{"far ahead", func(m *messages) { m.copiedHere("e", 5000, 1); m.copiedHere("e", 4, 44) }, []string{"three", "four"}, false},
		{"a client of another node had it", func(m *messages) { m.note(3, 0) }, []string{"three"}, false},
		{"the members have changed", func(m *messages) { m.distrust(); <-m.bell; m.copiedHere("e", 4, 44) }, nil, false},
		{"a look finds them", func(m *messages) { m.holdAgain([]logItem{three, four}); m.release(true) }, nil, false},
		{"a look finds them later", func(m *messages) {
			time.Sleep(heldFor)
			m.holdAgain([]logItem{three, four})
			m.release(true)
		}, []string{"three", "four"}, false},
		{"a look finds another later", func(m *messages) {
			time.Sleep(heldFor)
			m.holdAgain([]logItem{other})
			m.release(true)
		}, nil, false},
		{"a look finds another that is copied", func(m *messages) {
			m.copiedHere("e", 3, 55)
			m.holdAgain([]logItem{other})
			m.release(true)
		}, []string{"other"}, false},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			log := newRecorder()
			m, f := newFollowed(log)
			m.take(f, []logItem{three, four}, nil)
			tt.then(m)
			m.release(false)
			if got := log.list(); !slices.Equal(got, tt.want) || (len(m.bell) == 1) != tt.looks {
				t.Errorf("%s: the log took %q, looks: %v; want %q, %v", tt.name, got, len(m.bell) == 1, tt.want, tt.looks)
			}
			log.check(t)
		})
	}
}
