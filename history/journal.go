package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// Buckets of the file. Each level has one more, with a bucket for each of its chunks, in which subscriptions have their blocks.
var (
	bucketJournal = []byte("journal") // number -> batch
	bucketSubs    = []byte("subscriptions")
	bucketFile    = []byte("file") // its sequence is the format
)

// format is the way in which this program writes. It reads all up to that one.
const format = 1

// checkFormat keeps an older program from writing over what it cannot read.
func checkFormat(tx *bbolt.Tx) error {
	file, err := tx.CreateBucketIfNotExists(bucketFile)
	if err != nil {
		return err
	}
	if wrote := file.Sequence(); wrote > format {
		return damaged(fmt.Sprintf("a newer version of this program wrote it (format %d; this one knows %d)", wrote, format))
	}
	return file.SetSequence(format)
}

// load makes the buckets, and reads what the last process left in the journal.
func (s *Store) load() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
		if err := checkFormat(tx); err != nil {
			return err
		}
		subs, err := tx.CreateBucketIfNotExists(bucketSubs)
		if err != nil {
			return err
		}
		for _, l := range levels {
			if _, err := tx.CreateBucketIfNotExists([]byte(l.name)); err != nil {
				return err
			}
		}
		journal, err := tx.CreateBucketIfNotExists(bucketJournal)
		if err != nil {
			return err
		}
		folded := make(map[string]uint64)
		err = subs.ForEach(func(sub, value []byte) error {
			known, err := parseKnown(value)
			s.last[string(sub)], folded[string(sub)] = known.last, known.folded
			return err
		})
		if err != nil {
			return err
		}
		return journal.ForEach(func(key, batch []byte) error {
			number := binary.BigEndian.Uint64(key)
			s.journalSize += int64(len(batch))
			return readBatch(batch, func(e note) {
				if number > folded[e.sub] {
					s.journaled(e.sub, e.block, number)
					s.last[e.sub] = e.last
				}
			})
		})
	})
}

// known is what is kept of a subscription beside its blocks.
type known struct {
	last   int64  // when it was read last, Unix milliseconds
	folded uint64 // the number of the last entry of the journal that its blocks hold
}

func (k known) bytes() []byte {
	return binary.AppendUvarint(binary.AppendVarint(nil, k.last), k.folded)
}

func parseKnown(b []byte) (known, error) {
	r := &reader{rest: b}
	k := known{last: r.varint(), folded: r.uvarint()}
	if r.bad {
		return known{}, damaged("what is known of a subscription")
	}
	return k, nil
}

// note is what a batch says of one subscription.
type note struct {
	sub   string
	last  int64
	block Block
}

func appendNote(out []byte, n note) []byte {
	out = binary.AppendVarint(appendText(out, n.sub), n.last)
	block := n.block.Encode(Width)
	return append(binary.AppendUvarint(out, uint64(len(block))), block...)
}

// readBatch calls yield with each note of a batch.
func readBatch(batch []byte, yield func(note)) error {
	for r := (&reader{rest: batch}); len(r.rest) > 0; {
		n := note{sub: string(r.part()), last: r.varint()}
		var err error
		if n.block, err = Decode(r.part(), Width); err != nil || r.bad {
			return damaged("an entry of the journal")
		}
		yield(n)
	}
	return nil
}

// tail is what of a subscription is in the journal and in no block yet.
type tail struct {
	Block
	number uint64 // of the last entry of the journal that is in it
}

// journaled notes what an entry of the journal says. The caller holds mu, or is alone.
func (s *Store) journaled(sub string, b Block, number uint64) {
	have := s.journal[sub]
	if have == nil {
		have = &tail{Block: make(Block, len(b))}
		s.journal[sub] = have
	}
	have.number = number
	s.entries += have.fold(b, Width)
}

// writeJournal puts everything that waits into the journal, in one transaction. The caller holds writing.
func (s *Store) writeJournal() error {
	s.mu.Lock()
	s.leaving, s.waiting = s.waiting, make(map[string]Block)
	leaving, cells := s.leaving, s.cells
	var batch []byte
	for _, sub := range slices.Sorted(maps.Keys(leaving)) {
		batch = appendNote(batch, note{sub, s.last[sub], leaving[sub]})
	}
	s.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	var number uint64
	err := s.change(func(tx *bbolt.Tx) (err error) {
		journal := tx.Bucket(bucketJournal)
		if number, err = journal.NextSequence(); err != nil {
			return err
		}
		return journal.Put(binary.BigEndian.AppendUint64(nil, number), batch)
	}, func() {
		for sub, b := range leaving {
			s.journaled(sub, b, number)
		}
		s.leaving = nil
		s.cells -= cells
	})
	if err != nil {
		s.putBack()
		return err
	}
	s.journalSize += int64(len(batch))
	return nil
}

// putBack has what could not be written wait again.
func (s *Store) putBack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub, later := range s.waiting {
		if s.leaving[sub] == nil {
			s.leaving[sub] = later
		} else {
			s.leaving[sub].fold(later, Width)
		}
	}
	s.waiting, s.leaving = s.leaving, nil
}

// change is try, which makes room when there is none: the pages of a transaction have to stand together. write may be called twice.
func (s *Store) change(write func(*bbolt.Tx) error, follow func()) error {
	err := s.try(write, follow)
	if errors.Is(err, bolterrors.ErrMaxSizeReached) {
		if err := s.shrink(s.opts.MaxSize / 2); err != nil {
			return err
		}
		return s.try(write, follow)
	}
	return err
}

// try makes a transaction, and has what is in memory follow. Whoever reads in between goes by what the file says was folded, so that nobody
// waits for the disk. A page that cannot be read ends all writing: the rest of the file is left as it is. The caller holds writing, or writes messages alone.
func (s *Store) try(write func(*bbolt.Tx) error, follow func()) error {
	if why := s.damage.Load(); why != nil {
		return *why
	}
	if err := s.commit(write); err != nil {
		if errors.Is(err, ErrDamaged) && s.damage.CompareAndSwap(nil, &err) {
			s.opts.Logger.Error("history is not written any more", "file", s.path, "err", err)
		}
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	follow()
	return nil
}

func (s *Store) commit(write func(*bbolt.Tx) error) (err error) {
	defer brittle()()
	defer guard(&err)
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // of what was committed, nothing is left to do
	if err := write(tx); err != nil {
		return err
	}
	return tx.Commit()
}
