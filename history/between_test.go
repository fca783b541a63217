package history

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestNobodyWaitsForTheDisk asks and adds while a transaction is on its way to a disk that does not answer.
func TestNobodyWaitsForTheDisk(t *testing.T) {
	t.Parallel()
	now := noon.Add(time.Minute)
	s := open(t, t.TempDir(), &now, 0)
	s.Add("a", noon, map[string]float64{"x": 1})
	must(t, s.Flush())
	span, err := Plan(now, noon, now, Width)
	must(t, err)
	stalled, goOn, written, asked := make(chan struct{}), make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		written <- s.try(func(tx *bbolt.Tx) error {
			tx.OnCommit(func() { close(stalled); <-goOn })
			return nil
		}, func() {})
	}()
	<-stalled
	go func() {
		s.Add("a", noon.Add(Width), map[string]float64{"x": 2})
		block, err := s.Range("a", span)
		if n := len(block["x"]); err == nil && n != 2 {
			err = fmt.Errorf("%d cells; want 2", n)
		}
		_ = s.Stats()
		asked <- err
	}()
	select {
	case err := <-asked:
		if err != nil {
			t.Errorf("Range = %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("Range waits for the disk")
	}
	close(goOn)
	must(t, <-written)
}

// TestMessagesDoNotWait keeps a message while the journal is being folded, which takes many transactions.
func TestMessagesDoNotWait(t *testing.T) {
	t.Parallel()
	now := noon
	s := open(t, t.TempDir(), &now, 0)
	readLog(t, s, "epoch")
	kept := make(chan error, 1)
	s.writing.Lock()
	go func() { kept <- s.KeepMessages([]Message{message(1, 0)}) }()
	select {
	case err := <-kept:
		s.writing.Unlock()
		must(t, err)
	case <-time.After(30 * time.Second):
		s.writing.Unlock()
		t.Error("KeepMessages waits")
		<-kept
	}
}

// TestFoldedOnce asks at the moment at which what was in the journal is in the blocks as well, and has not left the memory yet.
func TestFoldedOnce(t *testing.T) {
	t.Parallel()
	now := noon.Add(time.Minute)
	s := open(t, t.TempDir(), &now, 0)
	for i := range 3 {
		s.Add("a", noon.Add(time.Duration(i)*time.Second), map[string]float64{"x": float64(i)})
	}
	must(t, s.Flush())
	s.Add("a", noon.Add(3*time.Second), map[string]float64{"x": 3})
	span, err := Plan(now, noon, now, Width)
	must(t, err)
	var between Block
	must(t, s.try(func(tx *bbolt.Tx) error {
		tx.OnCommit(func() { between, err = s.Range("a", span) })
		_, err := s.foldOne(tx, "a", tx.Bucket(bucketJournal).Sequence())
		return err
	}, func() { s.forgetJournal("a") }))
	must(t, err)
	after, err := s.Range("a", span)
	must(t, err)
	for when, got := range map[string]Block{"between": between, "after": after} {
		if want := []Cell{{noon.UnixMilli(), 0, 1.5, 3, 4}}; !near(got["x"], want) {
			t.Errorf("%s: %v; want %v", when, got["x"], want)
		}
	}
}

// TestAskedWhileWritten asks all the time while the file grows, the journal is folded and what is old goes.
func TestAskedWhileWritten(t *testing.T) {
	t.Parallel()
	now := noon
	s := open(t, t.TempDir(), &now, 0)
	now = noon.Add(time.Hour) // the clock stands still from here on
	span, err := Plan(now, noon, now, Width)
	must(t, err)
	done := make(chan struct{})
	var asking sync.WaitGroup
	for range 2 {
		asking.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				s.Add(fmt.Sprint("asked ", i%50), noon.Add(time.Duration(i)*time.Millisecond), map[string]float64{"x": 1})
				if _, err := s.Range("feed1", span); err != nil {
					t.Error(err)
					return
				}
				if state := s.Stats(); state.Used > state.Size {
					t.Errorf("%d bytes used of %d", state.Used, state.Size)
				}
			}
		})
	}
	for i := range 60 {
		for f := range 20 {
			values := make(map[string]float64)
			for range 100 {
				values[fmt.Sprint(len(values))] = rand.Float64()
			}
			s.Add(fmt.Sprint("feed", f), noon.Add(time.Duration(i)*10*time.Second), values)
		}
		s.Add("old", noon.Add(-time.Duration(200+i)*24*time.Hour), map[string]float64{"x": 1})
		must(t, s.Flush())
		if i%5 == 4 {
			s.folded = time.Time{}
			must(t, s.tidy())
		}
	}
	close(done)
	asking.Wait()
}
