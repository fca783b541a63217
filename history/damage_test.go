package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// filled is a directory with a history of many pages, all of it in blocks: 50 subscriptions of 40 moments.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir, now := t.TempDir(), noon
	s := open(t, dir, &now, 0)
	for i := range 40 {
		for f := range 50 {
			s.Add(fmt.Sprint("feed", f), noon.Add(time.Duration(i)*10*time.Second), map[string]float64{"x": float64(i) / 3})
		}
	}
	must(t, s.Flush())
	s.folded = time.Time{}
	must(t, s.tidy())
	must(t, s.Close())
	return dir
}

// TestCutShort opens a file of which only the first part is there: it is whole or refused, and the process goes on.
func TestCutShort(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(filepath.Join(filled(t), FileName))
	must(t, err)
	now, refused := noon.Add(time.Hour), 0
	for _, n := range []int{1, 100, 4096, 5000, 8192, 12288, 16384, 20480, 32768, len(whole) / 4, len(whole) / 2, len(whole) - 1, len(whole)} {
		dir := t.TempDir()
		must(t, os.WriteFile(filepath.Join(dir, FileName), whole[:n], 0o600))
		s, err := Open(dir, Options{Now: func() time.Time { return now }})
		if err != nil {
			if refused++; !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "move it away") {
				t.Errorf("Open of %d bytes = %v; want ErrDamaged and what to do", n, err)
			}
			continue
		}
		for f := range 50 {
			if got := len(ask(t, s, fmt.Sprint("feed", f), noon, now, 10*time.Second)["x"]); got != 40 {
				t.Errorf("of %d bytes, feed %d has %d moments; want 40, or the file refused", n, f, got)
			}
		}
		must(t, s.Close())
	}
	if refused < 9 {
		t.Errorf("%d files were refused; want those that were cut at least", refused)
	}
}

// TestPageLost has pages of a file go bad under a program that runs: it says so, does not write any more, and goes on.
func TestPageLost(t *testing.T) {
	t.Parallel()
	dir, now := filled(t), noon.Add(time.Hour)
	s := open(t, dir, &now, 0)
	path := filepath.Join(dir, FileName)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	must(t, err)
	info, err := file.Stat()
	must(t, err)
	page := int64(os.Getpagesize())
	_, err = file.WriteAt(make([]byte, info.Size()-2*page), 2*page)
	must(t, err)
	must(t, file.Close())
	span, err := Plan(now, noon, now, Width)
	must(t, err)
	for range 3 {
		if _, err := s.Range("feed7", span); !errors.Is(err, ErrDamaged) {
			t.Errorf("Range = %v; want ErrDamaged", err)
		}
		s.Add("feed7", now, map[string]float64{"x": 1})
		if err := s.Flush(); !errors.Is(err, ErrDamaged) {
			t.Errorf("Flush = %v; want ErrDamaged", err)
		}
		if err := s.tidy(); err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("tidy = %v; want ErrDamaged or nothing to do", err)
		}
		if _, _, _, err := s.Log("epoch"); !errors.Is(err, ErrDamaged) {
			t.Errorf("Log = %v; want ErrDamaged", err)
		}
		if _, err := s.Alerts(); !errors.Is(err, ErrDamaged) {
			t.Errorf("Alerts = %v; want ErrDamaged", err)
		}
		now = now.Add(foldEvery)
	}
	if !s.Stats().Failing {
		t.Error("Stats do not say that nothing is written")
	}
	if err := s.Close(); !errors.Is(err, ErrDamaged) {
		t.Errorf("Close = %v; want ErrDamaged: values are lost", err)
	}
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open = %v; want ErrDamaged", err)
	}
	must(t, os.Rename(path, path+".damaged"))
	must(t, open(t, dir, &now, 0).Close())
}

// TestNewerFormat leaves a file alone that a newer program wrote.
func TestNewerFormat(t *testing.T) {
	t.Parallel()
	dir := filled(t)
	inFile(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket(bucketFile).SetSequence(format + 1) })
	if _, err := Open(dir, Options{}); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("Open = %v; want ErrDamaged, of a newer version", err)
	}
	inFile(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket(bucketFile).SetSequence(format) })
	now := noon.Add(time.Hour)
	if got := len(ask(t, open(t, dir, &now, 0), "feed7", noon, now, Width)["x"]); got != 40 {
		t.Errorf("%d moments; want the 40 that were there before", got)
	}
}

// TestBlockLost answers with what is left when a block cannot be read.
func TestBlockLost(t *testing.T) {
	t.Parallel()
	dir, now := filled(t), noon.Add(time.Hour)
	s := open(t, dir, &now, 0)
	s.Add("feed7", noon.Add(2*time.Hour), map[string]float64{"x": 5})
	now = noon.Add(3 * time.Hour)
	must(t, s.Flush())
	s.folded = time.Time{}
	must(t, s.tidy())
	must(t, s.Close())
	inFile(t, dir, func(tx *bbolt.Tx) error {
		return tx.Bucket([]byte(levels[0].name)).Bucket(chunkKey(noon.UnixMilli())).Put([]byte("feed7"), []byte("?"))
	})
	s = open(t, dir, &now, 0)
	if got := ask(t, s, "feed7", noon, now, Width)["x"]; len(got) != 1 || got[0].Max != 5 {
		t.Errorf("Range = %v; want what came two hours later", got)
	}
	if got := len(ask(t, s, "feed8", noon, now, Width)["x"]); got != 40 {
		t.Errorf("another subscription has %d moments; want 40", got)
	}
}

// TestMessageLost keeps the places of messages when one of them cannot be read.
func TestMessageLost(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), noon
	s := open(t, dir, &now, 0)
	readLog(t, s, "epoch")
	must(t, s.KeepMessages([]Message{message(1, 0), message(2, 0), message(3, 0)}))
	must(t, s.Close())
	inFile(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket(bucketMessages).Put(chunkKey(2), []byte{200}) })
	s = open(t, dir, &now, 0)
	_, last, list, err := s.Log("")
	if err != nil || last != 3 || len(list) != 3 || list[0].Key != "key 1" || list[1].Seq != 2 || list[1].Data != nil || list[2].Key != "key 3" {
		t.Errorf("Log = %d, %v, %v; want 3 messages, the second empty", last, list, err)
	}
}

// TestMessageOfAFailedWrite has a message in the file whose transaction failed at its end, and whose number was not given therefore.
func TestMessageOfAFailedWrite(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), noon
	s := open(t, dir, &now, 0)
	readLog(t, s, "epoch")
	must(t, s.KeepMessages([]Message{message(1, 0), message(2, 0)}))
	must(t, s.Close())
	inFile(t, dir, func(tx *bbolt.Tx) error { return tx.Bucket(bucketMessages).SetSequence(1) })
	for seq := int64(1); seq < 4; seq++ {
		s = open(t, dir, &now, 0)
		if _, last, list := readLog(t, s, "epoch"); last != seq || int64(len(list)) != seq {
			t.Errorf("%d messages up to %d; want %d", len(list), last, seq)
		}
		must(t, s.KeepMessages([]Message{message(seq+1, 0)}))
		must(t, s.Close())
	}
}

// inFile changes the file of a store that is closed.
func inFile(t *testing.T, dir string, change func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(filepath.Join(dir, FileName), 0o600, nil)
	must(t, err)
	must(t, db.Update(change))
	must(t, db.Close())
}
