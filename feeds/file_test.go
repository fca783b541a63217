package feeds

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newTestFile(t *testing.T, o FileOptions) *File {
	t.Helper()
	f, err := NewFile(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// write makes a file in folder, in place of the one before if that is there.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestFileWhole(t *testing.T) {
	t.Parallel()
	utf16 := "\xff\xfea\x00"
	tests := []struct {
		name string
		o    FileOptions
		text string
		want []Record
		err  string
	}{
		{name: "a.csv", text: "id,name\n1,\"x, y\"\n2,\n3\n", want: []Record{{"id": "1", "name": "x, y"}, {"id": "2", "name": nil}, {"id": "3", "name": nil}}},
		{name: "mark.csv", text: bom + "id,,id2\r\n1,ä,3\r\n", want: []Record{{"id": "1", "column2": "ä", "id2": "3"}}},
		{name: "a.tsv", text: "a\tb\n\"1\n2\"\t3", want: []Record{{"a": "1\n2", "b": "3"}}},
		{name: "semicolon.CSV", o: FileOptions{Delimiter: ";", Columns: []string{"a", "b"}}, text: "1;2\n3;4", want: []Record{{"a": "1", "b": "2"}, {"a": "3", "b": "4"}}},
		{name: "part.csv", text: "a,b\n1,2\n3", want: []Record{{"a": "1", "b": "2"}}},
		{name: "openquote.csv", text: "a,b\n1,2\n3,\"4", want: []Record{{"a": "1", "b": "2"}}},
		{name: "head.csv", text: "a,b\n"},
		{name: "a.ndjson", text: bom + "{\"a\":1,\"b\":{\"c\":2.5}}\n\n{\"a\":null}", want: []Record{{"a": int64(1), "b.c": 2.5}, {"a": nil}}},
		{name: "part.jsonl", text: "{\"a\":1}\n{\"a\":", want: []Record{{"a": int64(1)}}},
		{name: "named.log", o: FileOptions{Format: "ndjson"}, text: "{\"a\":1}\n", want: []Record{{"a": int64(1)}}},
		{name: "empty.ndjson", text: ""},
		{name: "empty.csv", text: "", err: "is empty: not even a row with the names"},
		{name: "twice.csv", text: "a,a\n", err: `column "a" is there twice`},
		{name: "long.csv", text: "a;b\n1,2\n", err: "has 2 values in line 2, and 1 columns; is the delimiter ',' right?"},
		{name: "quote.csv", text: "a,b\n1,\"2\"3\n4,5\n", err: "is not CSV in line 2, column"},
		{name: "latin.csv", text: "a\n\xe4\n", err: "is not UTF-8 at line 2, column 1"},
		{name: "utf16.csv", text: utf16, err: "is UTF-16; save it as UTF-8"},
		{name: "bad.ndjson", text: "{}\nno\n{}\n", err: "has no object in JSON in line 2: invalid character"},
		{name: "null.ndjson", text: "null\n{}\n", err: "line 1: null"},
		{name: "two.ndjson", text: "{} {}\n{}\n", err: "line 1: more than one value"},
		{name: "huge.csv", o: FileOptions{MaxBytes: 1 << 10}, text: "a\n" + strings.Repeat("1\n", 1<<10), err: "has more than 1024 bytes; raise maxBytes"},
		{name: "rows.csv", text: "a\n" + strings.Repeat("1\n", maxFileRecords+1), err: "more than 100000 rows"},
	}
	dir := t.TempDir()
	for _, tt := range tests {
		tt.o.Path = filepath.Join(dir, tt.name)
		write(t, tt.o.Path, tt.text)
		res, err := newTestFile(t, tt.o).Poll(t.Context(), Query{})
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "the file ") {
				t.Errorf("%s: Poll = %v; want an error of the file with %q", tt.name, err, tt.err)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, res.Records); err != nil || diff != "" {
			t.Errorf("%s: Poll = %v, -want +got:\n%s", tt.name, err, diff)
		}
	}
}

// TestFileComesAndGoes wants errors while a file is away, and what it has when it is there.
func TestFileComesAndGoes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.csv")
	for _, tail := range []int{0, 5} {
		f := newTestFile(t, FileOptions{Path: path, Tail: tail})
		for round := range 3 {
			if _, err := f.Poll(t.Context(), Query{}); err == nil || !strings.Contains(err.Error(), "a.csv\" is not there") {
				t.Errorf("round %d: Poll = %v; want to be told that it is not there", round, err)
			}
			text := fmt.Sprintf("n\n%d\n", round)
			write(t, path, text)
			res, err := f.Poll(t.Context(), Query{})
			if err != nil || len(res.Records) == 0 || res.Records[0]["n"] != fmt.Sprint(round) {
				t.Errorf("round %d: Poll = %v, %v; want the newest", round, res.Records, err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := newTestFile(t, FileOptions{Path: filepath.Dir(path), Format: "csv"})
	if _, err := f.Poll(t.Context(), Query{}); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("Poll of a folder = %v; want to be told what it is", err)
	}
}

// TestFileUnchanged reads a file again only if it may have changed.
func TestFileUnchanged(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.csv")
	f := newTestFile(t, FileOptions{Path: path})
	poll := func() []Record {
		res, err := f.Poll(t.Context(), Query{})
		if err != nil || len(res.Records) != 1 {
			t.Fatalf("Poll = %v, %v; want one record", res.Records, err)
		}
		return res.Records
	}
	write(t, path, "a\n1\n")
	if a, b := poll(), poll(); &a[0] == &b[0] {
		t.Error("a file that was written just now was not read again; its time does not tell that it has not changed since")
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(path, old, old); err != nil {
		t.Fatal(err)
	}
	if a, b := poll(), poll(); &a[0] != &b[0] {
		t.Error("a file that has not changed for an hour was read again")
	}
	write(t, path, "a\n2\n")
	if got := poll(); got[0]["a"] != "2" {
		t.Errorf("after a change: %v; want it", got)
	}
}

func TestNewFile(t *testing.T) {
	tests := []struct {
		o            FileOptions
		key, problem string
	}{
		{FileOptions{}, "path", "is missing"},
		{FileOptions{Path: "a"}, "format", "is missing"},
		{FileOptions{Path: "a.csv", Format: "xml"}, "format", `"xml"; allowed: csv, ndjson`},
		{FileOptions{Path: "a.ndjson", Columns: []string{"a"}}, "columns", "are for csv"},
		{FileOptions{Path: "a.ndjson", Delimiter: ";"}, "delimiter", "is for csv"},
		{FileOptions{Path: "a.csv", Delimiter: "ab"}, "delimiter", "one character"},
		{FileOptions{Path: "a.csv", Delimiter: "\""}, "delimiter", "one character"},
		{FileOptions{Path: "a.csv", Columns: []string{"a", "a"}}, "columns", "there twice"},
		{FileOptions{Path: "a.csv", Tail: -1}, "tail", "1 to 10000"},
		{FileOptions{Path: "a.csv", MaxBytes: 1}, "maxBytes", "1024 to"},
		{FileOptions{Path: "a.csv", Tail: 1, Replay: &ReplayOptions{Time: "t"}}, "tail", "excludes replay"},
		{FileOptions{Path: "a.csv", Replay: &ReplayOptions{}}, "replay.time", "is missing"},
		{FileOptions{Path: "a.csv", Replay: &ReplayOptions{Time: "t", Speed: -1}}, "replay.speed", "more than 0"},
		{FileOptions{Path: "a.csv", Replay: &ReplayOptions{Time: "t", Rows: -1}}, "replay.rows", "1 to 10000"},
		{FileOptions{Path: "a.csv", Replay: &ReplayOptions{Time: "t", ID: "i", Rows: 1}}, "replay.rows", "excludes id"},
	}
	for _, tt := range tests {
		_, err := NewFile(tt.o)
		var option *OptionError
		if !errors.As(err, &option) || option.Key != tt.key || !strings.Contains(option.Problem, tt.problem) {
			t.Errorf("NewFile(%+v) = %v; want an OptionError of %s with %q", tt.o, err, tt.key, tt.problem)
		}
	}
}

func FuzzRowFormat(f *testing.F) {
	f.Add([]byte(recording), false)
	f.Add([]byte("{\"a\":1}\n{"), true)
	f.Add([]byte("a,\"b\n"), false)
	f.Fuzz(func(t *testing.T, data []byte, json bool) {
		format := rowFormat{json: json, comma: ','}
		if checkText(data) == nil {
			_, _ = format.readAll(string(data))
		}
		tail := fileTail{format: format, rows: 3, max: 64, columns: []string{"a", "b"}}
		tail.take(bytes.Clone(data))
		if len(tail.kept) > 3 || tail.size > 64 || tail.offset > int64(len(data)) {
			t.Errorf("take(%q) keeps %d rows of %d bytes, read %d", data, len(tail.kept), tail.size, tail.offset)
		}
	})
}

// TestFileColumns stand as the file has them, whole or not.
func TestFileColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	write(t, path, "zone,id,at\na,1,2026-01-01T00:00:00Z\nb,2,2026-01-01T00:00:10Z\n")
	for _, o := range []FileOptions{{}, {Tail: 5}, {Replay: &ReplayOptions{Time: "at"}}, {Columns: []string{"zone", "id", "at"}}} {
		o.Path = path
		if res, err := newTestFile(t, o).Poll(t.Context(), Query{}); err != nil || strings.Join(res.Columns, " ") != "zone id at" {
			t.Errorf("%+v: columns %v, %v; want them in their order", o, res.Columns, err)
		}
	}
}
