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
)

// load makes the buckets, and reads what the last process left in the journal.
func (s *Store) load() error {
	return s.db.Update(func(tx *bbolt.Tx) error {
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
		return journal.ForEach(func(number, batch []byte) error {
			return readBatch(batch, func(e note) {
				if binary.BigEndian.Uint64(number) > folded[e.sub] {
					s.journaled(e.sub, e.block)
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
		return known{}, fmt.Errorf("%w: what is known of a subscription", ErrDamaged)
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
			return fmt.Errorf("%w: an entry of the journal", ErrDamaged)
		}
		yield(n)
	}
	return nil
}

// journaled notes what is in the journal. The caller holds mu, or is alone.
func (s *Store) journaled(sub string, b Block) {
	have := s.journal[sub]
	if have == nil {
		have = make(Block, len(b))
		s.journal[sub] = have
	}
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
	err := s.change(func(tx *bbolt.Tx) error {
		journal := tx.Bucket(bucketJournal)
		number, err := journal.NextSequence()
		if err != nil {
			return err
		}
		return journal.Put(binary.BigEndian.AppendUint64(nil, number), batch)
	}, func() {
		for sub, b := range leaving {
			s.journaled(sub, b)
		}
		s.leaving = nil
		s.cells -= cells
	})
	if err != nil {
		s.putBack()
	}
	return err
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

// try makes a transaction, and has what is in memory follow before anybody can read either. The caller holds writing.
func (s *Store) try(write func(*bbolt.Tx) error, follow func()) error {
	tx, err := s.db.Begin(true)
	if err != nil {
		return err
	}
	if err := write(tx); err != nil {
		_ = tx.Rollback() // the first error says more
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := tx.Commit(); err != nil {
		return err
	}
	follow()
	return nil
}
