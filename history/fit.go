package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// copyAtOnce is how many bytes of a file go into one transaction of its smaller copy.
const copyAtOnce = 1 << 20

// fit makes a file smaller that is larger than it may be by now. Where that does not succeed, as the disk is full, it goes on as it is: what
// it holds is bounded all the same. Nobody else uses the store yet.
func (s *Store) fit() {
	beside := s.path + ".new"
	if err := os.Remove(beside); err == nil {
		s.opts.Logger.Info("removed what a process left that was ended", "file", beside)
	}
	info, err := os.Stat(s.path)
	if err != nil || info.Size() <= s.opts.MaxSize {
		return
	}
	s.opts.Logger.Info("history is made smaller", "size", info.Size(), "most", s.opts.MaxSize)
	if err := s.lessen(beside); err != nil {
		s.opts.Logger.Warn("history could not be made smaller; its file is larger than it may be", "err", err)
	}
}

// lessen lets go of the oldest until three fifths of the size are enough, and makes a copy of the rest.
func (s *Store) lessen(beside string) error {
	s.db.MaxSize = 0 // what makes room needs some
	defer func() { s.db.MaxSize = int(s.opts.MaxSize) }()
	enough := s.opts.MaxSize / 5 * 3
	for _, step := range []func() error{
		s.trimMessages,
		func() error { return s.shrink(enough) }, // before the journal comes, or what is new in it would go too
		s.fold,
		func() error { return s.shrink(enough) },
		func() error { return s.replace(beside) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// replace puts a copy without what is free in the place of the file. Until it is there as a whole, the file is as it was.
func (s *Store) replace(beside string) error {
	small, err := bbolt.Open(beside, 0o600, s.settings())
	if err != nil {
		return err
	}
	small.AllocSize = s.db.AllocSize
	if err = bbolt.Compact(small, s.db, copyAtOnce); err == nil {
		err = os.Rename(beside, s.path)
	}
	if err != nil {
		return errors.Join(err, small.Close(), os.Remove(beside))
	}
	large := s.db
	s.db = small
	return errors.Join(large.Close(), syncDir(filepath.Dir(s.path)))
}

// syncDir returns when the names in a directory are safe.
func syncDir(dir string) error {
	d, err := os.Open(dir) // #nosec G304 -- the directory that the operator names
	if err != nil {
		return fmt.Errorf("directory of the history: %w", err)
	}
	defer func() { _ = d.Close() }() // it was only read
	return d.Sync()
}

// trimMessages lets go of the oldest messages that are more than may be kept.
func (s *Store) trimMessages() error {
	return s.change(func(tx *bbolt.Tx) error {
		messages := tx.Bucket(bucketMessages)
		if messages == nil {
			return nil
		}
		var bytes int64
		var gone [][]byte
		c := messages.Cursor()
		for key, value := c.Last(); key != nil; key, value = c.Prev() {
			if bytes += int64(len(key) + len(value)); bytes > s.mostMessageBytes() {
				gone = append(gone, append([]byte(nil), key...))
			}
		}
		for _, key := range gone {
			if err := messages.Delete(key); err != nil {
				return err
			}
		}
		return nil
	}, func() {})
}
