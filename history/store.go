package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

var (
	// ErrInUse reports a file that another process has open.
	ErrInUse = errors.New("history: another process has the file open")
	// ErrDamaged reports a file that is none of this program's, that was cut short, or that a newer version of it wrote.
	ErrDamaged = errors.New("history: the file cannot be read")
)

const (
	// FileName is the name of the file in its directory.
	FileName = "history.db"
	// LeastSize is the least that Options.MaxSize may be.
	LeastSize = 16 << 20
	// DefaultSize is the MaxSize of a store that is given none.
	DefaultSize = 1 << 30

	// lockWithin is how long a process that is about to end may go on holding the file.
	lockWithin = 500 * time.Millisecond
	// flushEvery is how long a value may be in memory alone, while the disk keeps up.
	flushEvery = 5 * time.Second
	// foldEvery is how long values stay in the journal.
	foldEvery = 10 * time.Minute
	// mostInbox is how many readings may come between two looks.
	mostInbox = 1 << 16
	// mostWaiting is how many cells may be in memory alone when nothing can be written, as long as each has roomForOne bytes of the file: they
	// are written in one transaction.
	mostWaiting, roomForOne = 1 << 20, 128
	// mostJournal is how many cells the journal may hold before its time is over.
	mostJournal = 1 << 19
)

// Options tune a Store. The zero value is ready to use.
type Options struct {
	MaxSize int64            // bytes that the file may have; LeastSize or more, default DefaultSize
	Now     func() time.Time // default: time.Now
	Logger  *slog.Logger     // default: slog.Default()
}

// Store is what is remembered. All methods may be called concurrently.
type Store struct {
	opts    Options
	path    string
	db      *bbolt.DB
	dropped atomic.Uint64
	failing atomic.Bool           // what was written last was not
	damage  atomic.Pointer[error] // why nothing is written any more; nil while all is well

	unreadable sync.Once // the log says so of one block

	inboxMu sync.Mutex // never held while anything waits
	inbox   []reading  // guarded by inboxMu

	keeping      sync.Mutex // held by whoever writes messages; taken before writing
	messages     []place    // guarded by keeping, like messageBytes
	messageBytes int64

	writing     sync.Mutex // held by whoever writes anything else
	folded      time.Time  // when the journal was emptied last; guarded by writing
	journalSize int64      // bytes of the entries of the journal; guarded by writing
	told        time.Time  // when the log said last that there is no room; guarded by writing

	mu      sync.RWMutex
	last    map[string]int64 // when each subscription was read last, Unix milliseconds; guarded by mu, like all below
	waiting map[string]Block // not in the file yet
	leaving map[string]Block // on its way into the journal
	journal map[string]*tail // in the file's journal
	cells   int              // in waiting and leaving
	entries int              // cells in journal
}

// reading is the values of one moment.
type reading struct {
	sub    string
	at     int64
	values map[string]float64
}

// Open opens the store in a directory, which is made when it is not there. Errors are ErrInUse, after half a second, ErrDamaged, and
// those of the file system. The caller must Run it, and Close it after that.
func Open(dir string, opts Options) (*Store, error) {
	opts.MaxSize = cmp.Or(opts.MaxSize, DefaultSize)
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.MaxSize < LeastSize {
		return nil, fmt.Errorf("history of %d bytes: allowed are %d or more", opts.MaxSize, LeastSize)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil { // #nosec G703 -- the directory that the operator names
		return nil, fmt.Errorf("directory of the history: %w", err)
	}
	path := filepath.Join(dir, FileName)
	s := &Store{
		opts: opts, folded: opts.Now(),
		last: make(map[string]int64), waiting: make(map[string]Block), journal: make(map[string]*tail),
	}
	if err := s.open(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	state := s.Stats()
	opts.Logger.Info("history opened", "file", path, "size", state.Size, "most", opts.MaxSize, "subscriptions", state.Subscriptions)
	return s, nil
}

func (s *Store) open(path string) (err error) {
	var file *os.File
	defer func() {
		switch {
		case err == nil:
		case s.db != nil:
			_ = s.db.Close() // the first error says more, here and below
		case file != nil:
			_ = file.Close() // a second time, unless the library has panicked
		}
	}()
	defer brittle()()
	defer guard(&err)
	settings := s.settings()
	settings.OpenFile = func(name string, flag int, mode os.FileMode) (f *os.File, err error) {
		file, err = os.OpenFile(name, flag, mode) // #nosec G304 -- in the directory that the operator names
		return file, err
	}
	s.path = path
	if s.db, err = bbolt.Open(path, 0o600, settings); err != nil {
		return opening(err)
	}
	s.db.AllocSize = int(min(s.opts.MaxSize/16, 16<<20))
	if err := whole(s.db); err != nil {
		return err
	}
	if err := s.load(); err != nil {
		return err
	}
	s.fit()
	return nil
}

// settings are what the library opens a file with.
func (s *Store) settings() *bbolt.Options {
	return &bbolt.Options{Timeout: lockWithin, MaxSize: int(s.opts.MaxSize), FreelistType: bbolt.FreelistMapType}
}

// Add takes the values of a subscription at a moment. It never waits: when the disk is behind by tens of thousands of readings, one is
// left out and counted. What is no number is left out, and so is a moment that came just before. The caller must not change values.
func (s *Store) Add(sub string, at time.Time, values map[string]float64) {
	if len(values) == 0 || at.UnixMilli() <= 0 {
		return
	}
	s.inboxMu.Lock()
	defer s.inboxMu.Unlock()
	if len(s.inbox) >= mostInbox {
		s.dropped.Add(uint64(len(values)))
		return
	}
	s.inbox = append(s.inbox, reading{sub, at.UnixMilli(), values})
}

// Run writes what is added until ctx ends, and then the rest. It is called once.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.report(errors.Join(s.tidy(), s.Flush()))
		case <-ctx.Done():
			s.report(s.Flush())
			return nil
		}
	}
}

// report says once that writing fails, and once that it goes on.
func (s *Store) report(err error) {
	switch failed := err != nil; {
	case failed && !s.failing.Swap(true):
		s.opts.Logger.Warn("history not written; it is kept in memory for a while", "err", err)
	case !failed && s.failing.Swap(false):
		s.opts.Logger.Info("history is written again")
	}
}

// Flush returns when everything that was added before is in the file.
func (s *Store) Flush() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.collect()
	return s.writeJournal()
}

// collect notes what has come.
func (s *Store) collect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inboxMu.Lock()
	list := s.inbox
	s.inbox = nil
	s.inboxMu.Unlock()
	for _, r := range list {
		s.take(r)
	}
}

// take notes what a reading says, in memory. The caller holds mu.
func (s *Store) take(r reading) {
	if s.last[r.sub] == r.at {
		return
	}
	s.last[r.sub] = r.at
	b := s.waiting[r.sub]
	if b == nil {
		b = make(Block, len(r.values))
		s.waiting[r.sub] = b
	}
	at := floor(r.at, Width)
	for series, v := range r.values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		if int64(s.cells) >= min(mostWaiting, s.opts.MaxSize/roomForOne) {
			s.dropped.Add(1)
			continue
		}
		more, ok := b.add(series, Cell{At: at, Min: v, Mean: v, Max: v, Count: 1})
		s.cells += more
		if !ok {
			s.dropped.Add(1)
		}
	}
}

// Close writes what is left and closes the file. Run must have returned.
func (s *Store) Close() error {
	err := s.Flush()
	s.writing.Lock()
	defer s.writing.Unlock()
	return errors.Join(err, s.db.Close())
}

// Stats are the state of a store.
type Stats struct {
	Size          int64 // bytes of the file
	Used          int64 // bytes of it that hold something
	Most          int64 // that the file may have
	Subscriptions int
	Dropped       uint64 // values that were left out because there was no room, or the disk was too slow
	Failing       bool   // what was written last could not be
}

// Stats returns the state now.
func (s *Store) Stats() Stats {
	size, used := s.size()
	s.mu.RLock()
	defer s.mu.RUnlock()
	return Stats{
		Size: size, Used: used, Most: s.opts.MaxSize, Subscriptions: len(s.last),
		Dropped: s.dropped.Load(), Failing: s.failing.Load() || s.damage.Load() != nil,
	}
}
