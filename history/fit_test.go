package history

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestLoweredSize opens a large file that may be small only from now on: it is, what is new is still there, and so are the messages that fit.
func TestLoweredSize(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), noon.Add(-20*time.Hour)
	s := open(t, dir, &now, 4*LeastSize)
	readLog(t, s, "epoch")
	for seq := range int64(12) {
		list := make([]Message, 100)
		for i := range list {
			list[i] = message(100*seq+int64(i)+1, 8<<10)
		}
		must(t, s.KeepMessages(list))
	}
	values := make(map[string]float64)
	for i := range 120 {
		now = now.Add(10 * time.Minute)
		for f := range 60 {
			values = make(map[string]float64, len(values))
			for range 30 {
				values[fmt.Sprint(len(values))] = rand.Float64()
			}
			s.Add(fmt.Sprint(f), now, values)
		}
		if i%4 == 3 {
			must(t, s.Flush())
		}
		if i%20 == 19 && i < 119 { // the last ones stay in the journal
			s.folded = time.Time{}
			must(t, s.tidy())
		}
	}
	before := s.Stats()
	must(t, s.Close())
	if before.Size <= LeastSize {
		t.Fatalf("the large file has %d bytes; want more than %d", before.Size, LeastSize)
	}
	must(t, os.WriteFile(filepath.Join(dir, FileName+".new"), []byte("of a process that was killed"), 0o600))

	for range 2 {
		s = open(t, dir, &now, LeastSize)
		if state := s.Stats(); state.Size > LeastSize || state.Failing || state.Subscriptions != 60 {
			t.Errorf("afterwards: %+v; want %d bytes at most", state, LeastSize)
		}
		if _, err := Open(dir, Options{}); !errors.Is(err, ErrInUse) {
			t.Errorf("a second Open = %v; want ErrInUse", err)
		}
		if got := ask(t, s, "42", now.Add(-time.Hour), now.Add(time.Minute), Width); len(got) != 30 || len(got["7"]) != 7 {
			t.Errorf("the last hour has %d series with %d moments; want 30 with 7", len(got), len(got["7"]))
		}
		epoch, last, list := readLog(t, s, "another")
		if n := int64(len(list)); epoch != "epoch" || last != 1200 || n < 400 || n > 520 || list[0].Seq != last-n+1 {
			t.Errorf("log %s up to %d with %d messages; want epoch, 1200 and 4 MiB of them", epoch, last, len(list))
		}
		s.Add("42", now.Add(time.Minute), map[string]float64{"7": 1})
		must(t, s.Close())
		if there, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(there) != 1 {
			t.Errorf("the directory has %v, %v; want the one file", there, err)
		}
	}
}

// TestJournalIsBounded adds far more than a small file is for: the journal leaves room for the blocks, and nothing fails.
func TestJournalIsBounded(t *testing.T) {
	t.Parallel()
	now := noon
	s := open(t, t.TempDir(), &now, LeastSize)
	for range 30 {
		now = now.Add(flushEvery)
		for f := range 60 {
			values := make(map[string]float64, 100)
			for range 100 {
				values[fmt.Sprint(len(values))] = rand.Float64()
			}
			s.Add(fmt.Sprint(f), now, values)
		}
		must(t, s.tidy())
		must(t, s.Flush())
		size := 0
		must(t, s.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(bucketJournal).ForEach(func(_, batch []byte) error { size += len(batch); return nil })
		}))
		if size > LeastSize/6 || int64(size) != s.journalSize {
			t.Fatalf("the journal has %d bytes, counted as %d; want %d at most", size, s.journalSize, LeastSize/6)
		}
	}
	if state := s.Stats(); state.Dropped != 0 || state.Size > LeastSize {
		t.Errorf("%+v; want nothing dropped", state)
	}
}

// TestLongOutage has nothing written for as long as values may wait, and writes them all then, also to the smallest file.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	now := noon
	s := open(t, t.TempDir(), &now, LeastSize)
	readLog(t, s, "epoch")
	for seq := range int64(500) { // as many as may be kept
		must(t, s.KeepMessages([]Message{message(seq+1, 8<<10)}))
	}
	for s.Stats().Dropped == 0 {
		now = now.Add(Width)
		values := make(map[string]float64, 100)
		for range 100 {
			values[fmt.Sprint(len(values))] = rand.Float64()
		}
		for f := range 10 {
			s.Add(fmt.Sprint(f), now, values)
		}
		s.collect()
	}
	if cells := s.cells; cells < 100_000 {
		t.Errorf("%d values wait; want more", cells)
	}
	must(t, s.Flush())
	if state := s.Stats(); state.Size > LeastSize {
		t.Errorf("%+v; want %d bytes at most", state, LeastSize)
	}
}
