package history

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// foldAtOnce is how many bytes of blocks go into one transaction, about.
const foldAtOnce = 2 << 20

// expireAtOnce is how many subscriptions of which nothing is kept go in one transaction.
const expireAtOnce = 1000

// tidy empties the journal when its time has come, forgets what is too old, and makes room.
func (s *Store) tidy() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.RLock()
	entries := s.entries
	s.mu.RUnlock()
	if err := s.makeRoom(); err != nil {
		return err
	}
	now := s.opts.Now()
	if since := now.Sub(s.folded); since >= 0 && since < foldEvery && entries <= mostJournal && s.journalSize <= s.opts.MaxSize/8 {
		return nil
	}
	if err := s.fold(); err != nil {
		return err
	}
	s.folded = now
	return s.expire(now)
}

// fold moves the journal into the blocks of all levels. Each subscription remembers how far it has come, so that a process may end in between. The caller holds writing.
func (s *Store) fold() error {
	s.mu.RLock()
	subs := slices.Sorted(maps.Keys(s.journal))
	s.mu.RUnlock()
	for len(subs) > 0 || s.journalSize > 0 {
		var rest []string
		err := s.change(func(tx *bbolt.Tx) error {
			number := tx.Bucket(bucketJournal).Sequence()
			rest = subs
			for written := 0; len(rest) > 0 && written < foldAtOnce; rest = rest[1:] {
				n, err := s.foldOne(tx, rest[0], number)
				if err != nil {
					return err
				}
				written += n
			}
			if len(rest) > 0 {
				return nil
			}
			return emptyJournal(tx, number)
		}, func() {
			for _, sub := range subs[:len(subs)-len(rest)] {
				s.forgetJournal(sub)
			}
		})
		if err != nil {
			return err
		}
		if subs = rest; len(subs) == 0 {
			s.journalSize = 0
		}
		if err := s.makeRoom(); err != nil {
			return err
		}
	}
	return nil
}

// forgetJournal is for what is not in the journal any more. The caller holds mu.
func (s *Store) forgetJournal(sub string) {
	if part := s.journal[sub]; part != nil {
		for _, list := range part.Block {
			s.entries -= len(list)
		}
		delete(s.journal, sub)
	}
}

// emptyJournal takes all entries away. The next one has the next number.
func emptyJournal(tx *bbolt.Tx, number uint64) error {
	if err := tx.DeleteBucket(bucketJournal); err != nil {
		return err
	}
	journal, err := tx.CreateBucket(bucketJournal)
	if err != nil {
		return err
	}
	return journal.SetSequence(number)
}

// foldOne moves one subscription, up to an entry of the journal, and returns how many bytes that took.
func (s *Store) foldOne(tx *bbolt.Tx, sub string, number uint64) (written int, err error) {
	s.mu.RLock() // others read it; who writes is here
	fresh, last := s.journal[sub], s.last[sub]
	s.mu.RUnlock()
	if fresh == nil { // it was forgotten meanwhile
		return 0, nil
	}
	for _, l := range levels {
		coarse := make(Block, len(fresh.Block))
		coarse.fold(fresh.Block, l.width)
		for start, part := range coarse.split(l.span) {
			chunk, err := tx.Bucket([]byte(l.name)).CreateBucketIfNotExists(chunkKey(start))
			if err != nil {
				return written, err
			}
			whole := part
			if old := chunk.Get([]byte(sub)); old != nil {
				if kept, err := Decode(old, l.width); err == nil { // what cannot be read makes room for what can
					kept.fold(part, l.width)
					whole = kept
				}
			}
			block := whole.Encode(l.width)
			if err := chunk.Put([]byte(sub), block); err != nil {
				return written, err
			}
			written += len(block)
		}
	}
	return written, tx.Bucket(bucketSubs).Put([]byte(sub), known{last, number}.bytes())
}

// chunkKey is the name of a chunk's bucket, so that they stand in the order of time.
func chunkKey(start int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(start)) // never below zero: see Add
}

func chunkStart(key []byte) int64 {
	if len(key) != 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(key))
}

// expire forgets what no level keeps any more. The caller holds writing.
func (s *Store) expire(now time.Time) error {
	err := s.change(func(tx *bbolt.Tx) error {
		for _, l := range levels {
			bucket := tx.Bucket([]byte(l.name))
			oldest := now.Add(-l.keep - l.span).UnixMilli()
			for _, key := range keysOf(bucket) {
				if chunkStart(key) >= oldest {
					break
				}
				if err := bucket.DeleteBucket(key); err != nil {
					return err
				}
			}
		}
		return nil
	}, func() {})
	if err != nil {
		return err
	}
	last := levels[len(levels)-1]
	for {
		gone := s.before(now.Add(-last.keep-last.span), expireAtOnce)
		if err := s.forget(gone); err != nil || len(gone) < expireAtOnce {
			return err
		}
	}
}

// keysOf lists the keys of a bucket: what a cursor is on must not be deleted by name.
func keysOf(b *bbolt.Bucket) (keys [][]byte) {
	c := b.Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		keys = append(keys, slices.Clone(k))
	}
	return keys
}
