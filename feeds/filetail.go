package feeds

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// fileTail keeps the newest rows of a file that others append to. It goes on where it was, also when the file is cut, or
// replaced by a new one: the old is then read to its end first. It is not safe for concurrent use.
type fileTail struct {
	path   string
	format rowFormat
	rows   int
	max    int64 // bytes that are read at once, and of the rows that are kept

	file    *os.File // nil: none yet
	info    fs.FileInfo
	offset  int64  // what is before it has been read
	mark    []byte // the last of that, to tell when it is something else
	begun   bool   // the first lines have been looked at
	first   string // row of the file: one that begins with the same is the same written anew, not the next
	columns []string
	skip    bool // until the end of a line that is too long

	kept []tailRow // the newest last
	size int64     // of kept
	bad  error     // of the newest line that is no row
}

type tailRow struct {
	record Record
	size   int64
}

const markSize = 64

// poll returns the newest rows, the newest first. A last line without an end waits for that.
func (t *fileTail) poll() ([]Record, error) {
	file, info, err := openRegular(t.path)
	if err != nil {
		return nil, err
	}
	switch {
	case t.file == nil:
		t.begin(file, info)
	case os.SameFile(t.info, info):
		_ = file.Close() // only read
		if t.cut(info) {
			t.begin(t.file, info)
		}
	default:
		if err := t.read(); err != nil {
			t.bad = err // of a file that is gone
		}
		_ = t.file.Close()
		t.begin(file, info)
	}
	if err := t.read(); err != nil {
		return nil, err
	}
	if len(t.kept) == 0 && t.bad != nil {
		return nil, t.bad
	}
	records := make([]Record, len(t.kept))
	for i, row := range t.kept {
		records[len(records)-1-i] = row.record
	}
	return records, nil
}

func (t *fileTail) close() {
	if t.file != nil {
		_ = t.file.Close() // only read
	}
	t.file, t.kept, t.size = nil, nil, 0
}

// begin starts at the beginning of a file. The rows of the one before stay.
func (t *fileTail) begin(file *os.File, info fs.FileInfo) {
	t.file, t.info = file, info
	t.offset, t.mark, t.columns, t.begun, t.skip = 0, nil, nil, false, false
}

// cut says whether what has been read is not there any more.
func (t *fileTail) cut(info fs.FileInfo) bool {
	if info.Size() < t.offset {
		return true
	}
	now := make([]byte, len(t.mark))
	_, err := t.file.ReadAt(now, t.offset-int64(len(t.mark)))
	return err != nil || !bytes.Equal(now, t.mark)
}

// read takes the lines that have come since.
func (t *fileTail) read() error {
	info, err := t.file.Stat()
	if err != nil {
		return err
	}
	if !t.begun {
		if err := t.head(); err != nil || !t.begun {
			return err
		}
	}
	if info.Size()-t.offset > t.max {
		t.offset, t.skip = info.Size()-t.max, true
	}
	data := make([]byte, max(0, info.Size()-t.offset)) // the old of two files may have been cut before it was replaced
	n, err := t.file.ReadAt(data, t.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	t.take(data[:n])
	return nil
}

// head reads the names of the columns, if those are to be there, and remembers the first row.
func (t *fileTail) head() error {
	data := make([]byte, maxLine)
	n, err := t.file.ReadAt(data, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	data = data[:n]
	if utf16(data) {
		return errUTF16
	}
	start := len(data)
	data = bytes.TrimPrefix(data, []byte(bom))
	start -= len(data)
	t.columns = t.format.columns
	if !t.format.json && len(t.columns) == 0 {
		line, after, ended := bytes.Cut(data, []byte("\n"))
		if !ended {
			return t.unended(n)
		}
		if t.columns, err = t.format.head(t.format.reader(clean(line))); err != nil {
			return err
		}
		start += len(line) + 1
		data = after
	}
	line, _, ended := bytes.Cut(data, []byte("\n"))
	if !ended {
		return t.unended(n)
	}
	first := string(line)
	if first == t.first {
		t.kept, t.size = nil, 0
	}
	t.first, t.offset, t.begun = first, int64(start), true
	return nil
}

// unended is for the first lines of a file that are still being written: nothing is wrong, unless they never end.
func (t *fileTail) unended(n int) error {
	if n == maxLine {
		return fmt.Errorf("begins with a line of more than %d bytes", maxLine)
	}
	return nil
}

// take keeps the newest rows of data, which begins where a line does unless skip is set.
func (t *fileTail) take(data []byte) {
	whole := data[:bytes.LastIndexByte(data, '\n')+1]
	if len(whole) == 0 && int64(len(data)) >= t.max {
		whole, t.skip = data, true // never to end
		t.advance(whole)
		return
	}
	if len(whole) == 0 {
		return
	}
	t.advance(whole)
	if t.skip {
		_, whole, _ = bytes.Cut(whole, []byte("\n"))
		t.skip = false
	}
	var rows []tailRow // the newest first
	for len(whole) > 0 && len(rows) < t.rows {
		whole = whole[:len(whole)-1] // its line break
		i := bytes.LastIndexByte(whole, '\n') + 1
		line := clean(whole[i:])
		whole = whole[:i]
		if strings.TrimSpace(line) == "" {
			continue
		}
		record, err := t.format.row(line, t.columns)
		if err != nil {
			t.bad = fmt.Errorf("has a line %s that is no row: %w", quote(line), err)
			continue
		}
		rows = append(rows, tailRow{record, int64(len(line))})
	}
	t.keep(rows)
}

func (t *fileTail) advance(data []byte) {
	t.offset += int64(len(data))
	t.mark = bytes.Clone(data[max(0, len(data)-markSize):])
}

// keep adds rows, the newest of which is first.
func (t *fileTail) keep(rows []tailRow) {
	for i := len(rows) - 1; i >= 0; i-- {
		t.kept = append(t.kept, rows[i])
		t.size += rows[i].size
	}
	drop := max(0, len(t.kept)-t.rows)
	for i, row := range t.kept {
		if i >= drop && t.size <= t.max {
			break
		}
		t.size -= row.size
		drop = max(drop, i+1)
	}
	t.kept = append([]tailRow(nil), t.kept[drop:]...)
}

// clean is a line as text without its end.
func clean(line []byte) string {
	return strings.ToValidUTF8(strings.TrimSuffix(string(line), "\r"), "\uFFFD")
}
