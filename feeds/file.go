package feeds

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Bounds of what is read of a file.
const (
	maxFileRecords = 100_000
	maxFileColumns = 256
	maxTail        = 10_000
	maxLine        = 1 << 20 // bytes of a row in a tail
)

// The formats of a file.
const (
	FormatCSV    = "csv"
	FormatNDJSON = "ndjson" // an object in JSON on each line
)

// settled is how old the last change of a file must be for its time to tell it from the next.
const settled = 2 * time.Second

// FileOptions describe a source that reads a file on this machine: all of it, its newest rows, or what it has recorded.
type FileOptions struct {
	Path      string         `yaml:"path"`
	Format    string         `yaml:"format,omitempty"`    // csv or ndjson; default by the end of the path
	Columns   []string       `yaml:"columns,omitempty"`   // of CSV that has no row with their names
	Delimiter string         `yaml:"delimiter,omitempty"` // of CSV; default a comma, or a tab in .tsv
	MaxBytes  int64          `yaml:"maxBytes,omitempty"`  // of a file that is read whole; 1 KiB to 64 MiB, default 8 MiB
	Tail      int            `yaml:"tail,omitempty"`      // show the newest so many rows, newest first; 1 to 10,000
	Replay    *ReplayOptions `yaml:"replay,omitempty"`
}

// ReplayOptions say how a recording is played. What it shows follows from the clock alone, so it is the same on all nodes.
type ReplayOptions struct {
	Time  string  `yaml:"time"`            // column with the time of a row
	ID    string  `yaml:"id,omitempty"`    // show the newest row of each of these; default: the newest Rows
	Rows  int     `yaml:"rows,omitempty"`  // without ID; default 50
	Speed float64 `yaml:"speed,omitempty"` // recorded seconds in a second; default 1
}

// File reads a file.
type File struct {
	path   string
	format rowFormat
	max    int64
	tail   *fileTail // nil: the whole file
	replay *replay   // nil: as it is

	mu   sync.Mutex // held while reading, so that it is read once for all who come
	last *wholeFile // guarded by mu
}

// wholeFile is what was in a file, as long as it does not change.
type wholeFile struct {
	info    fs.FileInfo
	read    time.Time
	records []Record
	columns []string // of CSV
	tape    *tape    // of a replay
}

// NewFile returns a source that reads as o says. The file may come later. The caller must Close it.
// The error is an [OptionError].
func NewFile(o FileOptions) (*File, error) {
	if o.Path == "" {
		return nil, &OptionError{Key: "path", Problem: "is missing"}
	}
	format, err := newRowFormat(o)
	if err != nil {
		return nil, err
	}
	f := &File{path: o.Path, format: format, max: cmp.Or(o.MaxBytes, DefaultMaxBytes)}
	switch {
	case f.max < 1<<10 || f.max > maxMaxBytes:
		return nil, &OptionError{Key: "maxBytes", Problem: fmt.Sprintf("%d; allowed: 1024 to %d", o.MaxBytes, maxMaxBytes)}
	case o.Tail < 0 || o.Tail > maxTail:
		return nil, &OptionError{Key: "tail", Problem: fmt.Sprintf("%d; allowed: 1 to %d", o.Tail, maxTail)}
	case o.Tail > 0 && o.Replay != nil:
		return nil, &OptionError{Key: "tail", Problem: "excludes replay"}
	case o.Tail > 0:
		f.tail = &fileTail{path: o.Path, format: format, rows: o.Tail, max: f.max}
	case o.Replay != nil:
		if f.replay, err = newReplay(*o.Replay); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// Describe says that the table comes whole, and whether it is played from a recording.
func (f *File) Describe() Description {
	d := Description{Whole: true}
	if f.replay != nil {
		d.Time, d.ID = f.replay.time, f.replay.id
		d.Origin = "recorded in " + filepath.Base(f.path) + ", replayed"
	}
	return d
}

// Poll reads what has changed since the last one. A file that is not there is an error until it comes.
func (f *File) Poll(_ context.Context, _ Query) (Result, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tail != nil {
		records, err := f.tail.poll()
		return Result{Records: records, Columns: f.tail.columns}, f.explain(err)
	}
	whole, err := f.whole()
	if err != nil {
		return Result{}, f.explain(err)
	}
	if f.replay != nil {
		return Result{Records: whole.tape.at(time.Now()), Columns: whole.columns}, nil
	}
	return Result{Records: whole.records, Columns: whole.columns}, nil
}

// Close lets go of the file.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tail != nil {
		f.tail.close()
	}
	f.last = nil
	return nil
}

// whole returns what is in the file, read again only if it may have changed.
func (f *File) whole() (*wholeFile, error) {
	file, info, err := openRegular(f.path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	if f.last.still(info) {
		return f.last, nil
	}
	f.last = nil // not in memory twice
	w := &wholeFile{info: info, read: time.Now()}
	if info.Size() > f.max {
		return nil, tooLarge(f.max)
	}
	data, err := io.ReadAll(io.LimitReader(file, f.max+1))
	switch {
	case err != nil:
		return nil, err
	case int64(len(data)) > f.max:
		return nil, tooLarge(f.max)
	}
	if err := checkText(data); err != nil {
		return nil, err
	}
	text := strings.TrimPrefix(string(data), bom)
	if w.records, err = f.format.readAll(text); err != nil {
		return nil, err
	}
	if w.columns, err = f.format.names(text); err != nil {
		return nil, err
	}
	if f.replay != nil {
		if w.tape, err = f.replay.record(w.records); err != nil {
			return nil, err
		}
	}
	f.last = w
	return w, nil
}

// still says whether what was read is what the file has now. A change right after another may leave the time as it was.
func (w *wholeFile) still(info fs.FileInfo) bool {
	return w != nil && os.SameFile(w.info, info) && w.info.Size() == info.Size() &&
		w.info.ModTime().Equal(info.ModTime()) && w.read.Sub(info.ModTime()) > settled
}

// openRegular opens a file, and nothing that would make its reader wait.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, errors.New("is no regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = file.Stat(); err != nil {
		return nil, nil, errors.Join(err, file.Close())
	}
	return file, info, nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("has more than %d bytes; raise maxBytes, or show its tail", limit)
}

const bom = "\uFEFF"

var errUTF16 = errors.New("is UTF-16; save it as UTF-8")

// utf16 says whether data begins as programs mark UTF-16.
func utf16(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF})
}

// checkText says where data is not UTF-8.
func checkText(data []byte) error {
	if utf16(data) {
		return errUTF16
	}
	if utf8.Valid(data) {
		return nil
	}
	return fmt.Errorf("is not UTF-8 at %s", position(data, firstInvalid(data)))
}

// explain makes a sentence of what is wrong with the file.
func (f *File) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the file %s is not there", quote(f.path))
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the file %s may not be read by the user who runs pulsewall", quote(f.path))
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("the file %s %w", quote(f.path), err)
}

// formats are what the ends of paths stand for.
var formats = map[string]string{".csv": FormatCSV, ".tsv": FormatCSV, ".ndjson": FormatNDJSON, ".jsonl": FormatNDJSON}

func newRowFormat(o FileOptions) (rowFormat, error) {
	end := strings.ToLower(filepath.Ext(o.Path))
	r := rowFormat{json: cmp.Or(o.Format, formats[end]) == FormatNDJSON, columns: o.Columns, comma: ','}
	if end == ".tsv" {
		r.comma = '\t'
	}
	switch format := cmp.Or(o.Format, formats[end]); {
	case format == "":
		return r, &OptionError{Key: "format", Problem: "is missing, and the path does not end with .csv, .tsv, .ndjson or .jsonl; allowed: csv, ndjson"}
	case format != FormatCSV && format != FormatNDJSON:
		return r, &OptionError{Key: "format", Problem: fmt.Sprintf("%q; allowed: csv, ndjson", o.Format)}
	case r.json && len(o.Columns) > 0:
		return r, &OptionError{Key: "columns", Problem: "are for csv; ndjson has names in each row"}
	case r.json && o.Delimiter != "":
		return r, &OptionError{Key: "delimiter", Problem: "is for csv"}
	}
	if o.Delimiter != "" {
		c, n := utf8.DecodeRuneInString(o.Delimiter)
		if n != len(o.Delimiter) || c == utf8.RuneError || strings.ContainsRune("\"\r\n", c) {
			return r, &OptionError{Key: "delimiter", Problem: fmt.Sprintf("%q; allowed: one character that is neither a quote nor a line break", o.Delimiter)}
		}
		r.comma = c
	}
	if err := checkColumns(o.Columns); err != nil {
		return r, &OptionError{Key: "columns", Problem: err.Error()}
	}
	return r, nil
}

// checkColumns wants names that tell columns apart.
func checkColumns(names []string) error {
	if len(names) > maxFileColumns {
		return fmt.Errorf("%d columns; %d are allowed", len(names), maxFileColumns)
	}
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return fmt.Errorf("column %s is there twice", quote(name))
		}
	}
	return nil
}
