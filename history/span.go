package history

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// MostPoints is how many cells of a series an answer may have.
	MostPoints = 10_000
	// MostCells is how many an answer may have over all its series.
	MostCells = 300_000
	// MostStep is the longest step.
	MostStep = 24 * time.Hour
	// pointsUnasked is how many an answer has at most whose step is not given.
	pointsUnasked = 1000
	// grace is how long a request may be under way that asks for all that a level keeps.
	grace = time.Minute
)

var (
	// ErrBadSpan reports a span that is not answered; the text says what is allowed.
	ErrBadSpan = errors.New("history")
	// ErrTooMuch reports that there are more than MostCells in a span.
	ErrTooMuch = errors.New("history: more cells than an answer may have")
)

// Span is a stretch of time in equal steps. From and To are multiples of Step.
type Span struct {
	From, To time.Time // To is not within
	Step     time.Duration
}

// steps are those that are chosen where none is given.
var steps = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
	time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, MostStep,
}

// Plan makes a span of what somebody wants to see now. A step of 0 has one chosen, and one that is finer than what is kept from then is
// raised. Error: ErrBadSpan.
func Plan(now, from, to time.Time, step time.Duration) (Span, error) {
	if !from.Before(to) {
		return Span{}, fmt.Errorf("%w: from %s is not before to %s", ErrBadSpan, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
	}
	if from.UnixMilli() < 0 || to.Sub(from) > pointsUnasked*MostStep {
		return Span{}, fmt.Errorf("%w: allowed are times since 1970, %d days at most", ErrBadSpan, pointsUnasked)
	}
	if step != 0 && (step < Width || step > MostStep || step%Width != 0) {
		return Span{}, fmt.Errorf("%w: step %v: allowed are multiples of 10s, up to 24h", ErrBadSpan, step)
	}
	if step == 0 {
		for _, step = range steps {
			if step = kept(now, from, step); to.Sub(from) <= pointsUnasked*step {
				break
			}
		}
	}
	step = kept(now, from, step)
	if n := to.Sub(from) / step; n > MostPoints {
		least := to.Sub(from)/MostPoints/Width*Width + Width
		return Span{}, fmt.Errorf("%w: %d points: at most %d are allowed, a step of %v or more", ErrBadSpan, n, MostPoints, least)
	}
	return Span{From: at(floor(from.UnixMilli(), step)), To: at(floor(to.UnixMilli()-1, step) + step.Milliseconds()), Step: step}, nil
}

func at(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// kept is the step, or the next longer one of which there is something from a moment on.
func kept(now, from time.Time, step time.Duration) time.Duration {
	for i, l := range levels {
		if from.Before(now.Add(-l.keep-grace)) && i < len(levels)-1 {
			continue
		}
		return (step + l.width - 1) / l.width * l.width
	}
	return step
}

// source is the level to read for cells of a step: the coarsest of which they can be made.
func source(step time.Duration) level {
	best := levels[0]
	for _, l := range levels {
		if step%l.width == 0 {
			best = l
		}
	}
	return best
}

// Range returns what is known of a subscription in a span that Plan made, also what is not in the file yet. Where nothing was seen there
// is no cell, nor where a block cannot be read. Errors are ErrTooMuch, ErrDamaged, and those of the file.
func (s *Store) Range(sub string, span Span) (block Block, err error) {
	defer brittle()()
	defer guard(&err)
	s.collect()
	from, to, l := span.From.UnixMilli(), span.To.UnixMilli(), source(span.Step)
	tx, recent, err := s.recent(sub, span)
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // it has changed nothing
	out, cells := make(Block), 0
	err = chunksOf(tx, l, from, to, func(chunk *bbolt.Bucket) error {
		value := chunk.Get([]byte(sub))
		if value == nil {
			return nil
		}
		block, err := Decode(value, l.width)
		if err != nil {
			s.unreadable.Do(func() {
				s.opts.Logger.Error("a block of the history cannot be read and is a gap; further ones are not logged", "subscription", sub)
			})
			return nil
		}
		if cells += out.fold(block.between(from, to), span.Step); cells > MostCells {
			return ErrTooMuch
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	if cells+out.fold(recent, span.Step) > MostCells {
		return nil, ErrTooMuch
	}
	return out, nil
}

// recent returns what of a subscription is in no block, and a transaction that sees all of its blocks.
func (s *Store) recent(sub string, span Span) (*bbolt.Tx, Block, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	tx, err := s.db.Begin(false)
	if err != nil {
		return nil, nil, err
	}
	folded, err := foldedIn(tx, sub)
	if err != nil {
		_ = tx.Rollback() // the first error says more
		return nil, nil, err
	}
	parts := []Block{s.leaving[sub], s.waiting[sub]}
	if t := s.journal[sub]; t != nil && t.number > folded { // else it is in the blocks, and will be known to be in a moment
		parts = append(parts, t.Block)
	}
	out := make(Block)
	for _, part := range parts {
		out.fold(part.between(span.From.UnixMilli(), span.To.UnixMilli()), span.Step)
	}
	return tx, out, nil
}

// foldedIn is the number of the last entry of the journal that the blocks of a subscription hold.
func foldedIn(tx *bbolt.Tx, sub string) (number uint64, err error) {
	defer guard(&err)
	value := tx.Bucket(bucketSubs).Get([]byte(sub))
	if value == nil {
		return 0, nil
	}
	k, err := parseKnown(value)
	return k.folded, err
}

// chunksOf calls yield with the chunks of a level that have something of a span, in the order of time.
func chunksOf(tx *bbolt.Tx, l level, from, to int64, yield func(*bbolt.Bucket) error) error {
	bucket := tx.Bucket([]byte(l.name))
	c := bucket.Cursor()
	for key, _ := c.Seek(chunkKey(floor(from, l.span))); key != nil && chunkStart(key) < to; key, _ = c.Next() {
		if err := yield(bucket.Bucket(key)); err != nil {
			return err
		}
	}
	return nil
}
