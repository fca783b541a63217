package history

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// TestRange follows one series through memory, journal, blocks and a restart: the answer stays the same.
func TestRange(t *testing.T) {
	dir, now := t.TempDir(), noon
	s := open(t, dir, &now, 0)
	for i := range 360 {
		s.Add("a/-/1/10", noon.Add(time.Duration(i)*5*time.Second), map[string]float64{"x": float64(i), "nan": math.NaN(), "inf": math.Inf(1)})
	}
	now = noon.Add(30 * time.Minute)
	want := []Cell{{noon.UnixMilli(), 0, 5.5, 11, 12}, {noon.Add(time.Minute).UnixMilli(), 12, 17.5, 23, 12}}
	steps := []struct {
		name string
		do   func() error
	}{
		{"in memory", func() error { return nil }},
		{"in the journal", s.Flush},
		{"after a restart", func() error {
			must(t, s.Close())
			s = open(t, dir, &now, 0)
			return nil
		}},
		{"as blocks", func() error { now = now.Add(foldEvery); return s.tidy() }},
		{"after another restart", func() error {
			must(t, s.Close())
			s = open(t, dir, &now, 0)
			return nil
		}},
	}
	for _, step := range steps {
		must(t, step.do())
		got := ask(t, s, "a/-/1/10", noon, noon.Add(2*time.Minute), time.Minute)
		if len(got) != 1 || !near(got["x"], want) {
			t.Errorf("%s: Range = %v; want x %v", step.name, got, want)
		}
		if n := len(ask(t, s, "a/-/1/10", noon, now, 10*time.Second)["x"]); n != 180 {
			t.Errorf("%s: %d cells of 10 s; want 180", step.name, n)
		}
	}
	if got := s.Stats(); got.Subscriptions != 1 || got.Dropped != 0 || got.Size == 0 || got.Used > got.Size {
		t.Errorf("Stats = %+v; want one subscription, nothing dropped", got)
	}
}

// near compares cells; means are kept to a part in billions.
func near(got, want []Cell) bool {
	if len(got) != len(want) {
		return false
	}
	for i, c := range got {
		if math.Abs(c.Mean-want[i].Mean) > 1e-6*(1+math.Abs(want[i].Mean)) {
			return false
		}
		c.Mean = want[i].Mean
		if c != want[i] {
			return false
		}
	}
	return true
}

func TestGapsDuplicatesAndClockSetBack(t *testing.T) {
	now := noon
	s := open(t, t.TempDir(), &now, 0)
	add := func(after time.Duration, v float64) { s.Add("a", noon.Add(after), map[string]float64{"x": v}) }
	add(0, 1)
	add(0, 100)             // the same moment again
	add(40*time.Second, 4)  // after a gap
	add(20*time.Second, 2)  // the clock was set back
	add(21*time.Second, 20) // into a cell that is there
	must(t, s.Flush())
	want := []Cell{{noon.UnixMilli(), 1, 1, 1, 1}, {noon.UnixMilli() + 20_000, 2, 11, 20, 2}, {noon.UnixMilli() + 40_000, 4, 4, 4, 1}}
	if got := ask(t, s, "a", noon, noon.Add(time.Minute), 10*time.Second)["x"]; !near(got, want) {
		t.Errorf("Range = %v; want %v", got, want)
	}
	if got := ask(t, s, "b", noon, noon.Add(time.Minute), 0); len(got) != 0 {
		t.Errorf("Range of what was never added = %v; want nothing", got)
	}
}

// TestLevels lets 100 days pass in steps of ten minutes, and sees what is kept of them.
func TestLevels(t *testing.T) {
	now := noon.Add(-100 * 24 * time.Hour)
	s := open(t, t.TempDir(), &now, 0)
	for now.Before(noon) {
		for range 10 {
			now = now.Add(time.Minute)
			s.Add("a", now, map[string]float64{"x": 1})
		}
		if now.Sub(noon)%(6*time.Hour) == 0 {
			must(t, s.Flush())
			s.folded = time.Time{}
			must(t, s.tidy())
		}
	}
	for _, l := range levels {
		chunks := 0
		tx, err := s.db.Begin(false)
		must(t, err)
		must(t, tx.Bucket([]byte(l.name)).ForEach(func(key, _ []byte) error {
			if begin := at(chunkStart(key)); begin.Before(noon.Add(-l.keep - l.span)) {
				t.Errorf("level %s still has a chunk of %v", l.name, begin)
			}
			chunks++
			return nil
		}))
		must(t, tx.Rollback())
		if least := int(l.keep / l.span); chunks < least || chunks > least+2 {
			t.Errorf("level %s has %d chunks; want %d to %d", l.name, chunks, least, least+2)
		}
	}
	if n := len(ask(t, s, "a", noon.Add(-60*24*time.Hour), noon, 10*time.Minute)["x"]); n != 60*144 {
		t.Errorf("%d cells of 10 minutes in 60 days; want %d", n, 60*144)
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		s, err := Open(dir, Options{})
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		begin := time.Now()
		for range 90 {
			s.Add("a", time.Now(), map[string]float64{"x": 1})
			time.Sleep(10 * time.Second)
		}
		s.Add("a", time.Now(), map[string]float64{"x": 1})
		cancel()
		must(t, <-done)
		must(t, s.Close())
		s, err = Open(dir, Options{})
		must(t, err)
		defer s.Close()
		if n := len(ask(t, s, "a", begin, time.Now().Add(time.Second), 10*time.Second)["x"]); n != 91 {
			t.Errorf("%d cells after a restart; want 91", n)
		}
	})
}

func TestOpenRefusals(t *testing.T) {
	dir, now := t.TempDir(), noon
	open(t, dir, &now, 0)
	begun := time.Now()
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
		t.Errorf("second Open = %v; want ErrInUse", err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("the refusal took %v", took)
	}
	foreign := t.TempDir()
	must(t, os.WriteFile(filepath.Join(foreign, FileName), []byte(fmt.Sprintf("%8192s", "a letter")), 0o600))
	if _, err := Open(foreign, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open of another program's file = %v; want ErrDamaged", err)
	}
	if _, err := Open(filepath.Join(foreign, FileName), Options{}); err == nil {
		t.Error("Open of a directory that is a file succeeded")
	}
	if _, err := Open(t.TempDir(), Options{MaxSize: LeastSize - 1}); err == nil {
		t.Error("Open with too small a size succeeded")
	}
}

// TestNotWritten has writing fail for a while: nothing is lost, and reading goes on.
func TestNotWritten(t *testing.T) {
	dir, now := t.TempDir(), noon
	s := open(t, dir, &now, 0)
	path := s.db.Path()
	s.Add("a", noon, map[string]float64{"x": 1})
	must(t, s.Flush())
	must(t, s.db.Close())
	s.Add("a", noon.Add(10*time.Second), map[string]float64{"x": 2})
	if err := s.Flush(); err == nil {
		t.Fatal("Flush into a closed file succeeded")
	}
	s.Add("a", noon.Add(20*time.Second), map[string]float64{"x": 3})
	must(t, s.open(path))
	must(t, s.Flush())
	var got []float64
	for _, c := range ask(t, s, "a", noon, noon.Add(time.Minute), 10*time.Second)["x"] {
		got = append(got, c.Max)
	}
	if want := []float64{1, 2, 3}; !reflect.DeepEqual(got, want) {
		t.Errorf("values = %v; want %v", got, want)
	}
}
