package history

import (
	"os"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// idleAfter is how long nobody must have watched a subscription before all of it may go.
	idleAfter = time.Hour
	// forgetAtOnce is how many subscriptions go in one transaction.
	forgetAtOnce = 16
	// tellEvery is how often the log says that there is no room.
	tellEvery = time.Hour
)

// size is how large the file is, and how much of it holds something.
func (s *Store) size() (size, used int64) {
	_ = s.view(func(tx *bbolt.Tx) error { // without it the library may be about to map the file anew
		state := s.db.Stats()
		used = max(0, tx.Size()-int64(state.FreePageN+state.PendingPageN)*int64(s.db.Info().PageSize))
		return nil
	})
	if info, err := os.Stat(s.path); err == nil {
		size = info.Size()
	}
	return size, used
}

// makeRoom keeps a fifth of the most that the file may have free, which transactions need. What nobody watches goes first, whatever was
// not watched for longest before the rest; then the oldest chunk of all. The caller holds writing.
func (s *Store) makeRoom() error { return s.shrink(s.opts.MaxSize / 5 * 4) }

// shrink is makeRoom until so many bytes are used at most.
func (s *Store) shrink(most int64) error {
	for {
		_, used := s.size()
		if used <= most {
			return nil
		}
		now := s.opts.Now()
		if now.Sub(s.told) >= tellEvery {
			s.told = now
			s.opts.Logger.Warn("history is full: the oldest of what is watched least is forgotten", "used", used, "most", s.opts.MaxSize)
		}
		if idle := s.before(now.Add(-idleAfter), forgetAtOnce); len(idle) > 0 {
			if err := s.forget(idle); err != nil {
				return err
			}
			continue
		}
		if gone, err := s.dropOldest(); err != nil || !gone {
			return err
		}
	}
}

// before lists subscriptions that were not read since, those first that were not for longest.
func (s *Store) before(since time.Time, most int) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var subs []string
	for sub, at := range s.last {
		if at < since.UnixMilli() && s.waiting[sub] == nil {
			subs = append(subs, sub)
		}
	}
	slices.SortFunc(subs, func(a, b string) int { return int(min(max(s.last[a]-s.last[b], -1), 1)) })
	return subs[:min(len(subs), most)]
}

// forget removes all of some subscriptions. Their entries in the journal stand for nothing from then on.
func (s *Store) forget(subs []string) error {
	if len(subs) == 0 {
		return nil
	}
	return s.try(func(tx *bbolt.Tx) error {
		number := tx.Bucket(bucketJournal).Sequence()
		for _, l := range levels {
			bucket := tx.Bucket([]byte(l.name))
			for _, key := range keysOf(bucket) {
				chunk := bucket.Bucket(key)
				for _, sub := range subs {
					if err := chunk.Delete([]byte(sub)); err != nil {
						return err
					}
				}
			}
		}
		for _, sub := range subs {
			if err := s.forgetOne(tx, sub, number); err != nil {
				return err
			}
		}
		return nil
	}, func() {
		for _, sub := range subs {
			s.forgetJournal(sub)
			if s.waiting[sub] == nil {
				delete(s.last, sub)
			}
		}
	})
}

// forgetOne removes what is known of a subscription, as soon as no entry of the journal can speak of it.
func (s *Store) forgetOne(tx *bbolt.Tx, sub string, number uint64) error {
	known := known{folded: number}
	if s.inJournal(sub) {
		return tx.Bucket(bucketSubs).Put([]byte(sub), known.bytes())
	}
	return tx.Bucket(bucketSubs).Delete([]byte(sub))
}

func (s *Store) inJournal(sub string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.journal[sub] != nil
}

// dropOldest removes the chunk that began first, of any level, and says whether there was one.
func (s *Store) dropOldest() (gone bool, err error) {
	err = s.try(func(tx *bbolt.Tx) error {
		var of *bbolt.Bucket
		var oldest []byte
		for _, l := range levels {
			bucket := tx.Bucket([]byte(l.name))
			if key, _ := bucket.Cursor().First(); key != nil && (oldest == nil || chunkStart(key) < chunkStart(oldest)) {
				of, oldest = bucket, slices.Clone(key)
			}
		}
		if gone = oldest != nil; !gone {
			return nil
		}
		return of.DeleteBucket(oldest)
	}, func() {})
	return gone, err
}
