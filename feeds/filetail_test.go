package feeds

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tailRig writes to a file that a tail of three rows follows.
type tailRig struct {
	*testing.T
	path string
	f    *File
}

func newTailRig(t *testing.T, name string) *tailRig {
	path := filepath.Join(t.TempDir(), name)
	return &tailRig{T: t, path: path, f: newTestFile(t, FileOptions{Path: path, Tail: 3, MaxBytes: 1 << 10})}
}

func (r *tailRig) append(text string) {
	r.Helper()
	f, err := os.OpenFile(r.path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		r.Fatal(err)
	}
}

func (r *tailRig) want(when string, want ...any) {
	r.Helper()
	res, err := r.f.Poll(r.Context(), Query{})
	var got []any
	for _, record := range res.Records {
		got = append(got, record["n"])
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		r.Errorf("%s: Poll = %v, -want +got:\n%s", when, err, diff)
	}
}

func TestFileTail(t *testing.T) {
	t.Parallel()
	r := newTailRig(t, "a.csv")
	r.append("")
	r.want("empty")
	r.append("n,m")
	r.want("half a head")
	r.append("\n")
	r.want("a head")
	r.append("1,\"x,y\"\n2,")
	r.want("half a row", "1")
	r.append("3\n")
	r.want("a row", "2", "1")
	r.append("3,a\n4,b\n5,c\n")
	r.want("more than are kept", "5", "4", "3")
	r.want("nothing new", "5", "4", "3")
	r.append("a,b,c\n\"\n\n6,d\n")
	r.want("lines that are none", "6", "5", "4")
	r.append("\xff,x\n")
	r.want("not UTF-8", "\uFFFD", "6", "5")
	r.append(strings.Repeat("x", 2<<10))
	r.want("the start of a long line", "\uFFFD", "6", "5")
	r.append("7,still the long line\n8,e\n")
	r.want("after a long line", "8", "\uFFFD", "6")
	r.append(strings.Repeat("9,a long story\n", 1<<10) + "10,f\n")
	r.want("more than is read at once", "10", "9", "9")
}

func TestFileTailRotation(t *testing.T) {
	t.Parallel()
	r := newTailRig(t, "a.ndjson")
	r.append("{\"n\":1}\n")
	r.want("first", int64(1))
	r.append("{\"n\":2}\n")
	if err := os.Rename(r.path, r.path+".1"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.f.Poll(t.Context(), Query{}); err == nil {
		t.Error("renamed: Poll = nil; want an error while there is no new one")
	}
	r.append("{\"n\":3}\n")
	r.want("replaced: the end of the old one is read too", int64(3), int64(2), int64(1))
	if err := os.Truncate(r.path, 0); err != nil {
		t.Fatal(err)
	}
	r.want("cut", int64(3), int64(2), int64(1))
	r.append("{\"n\":4}\n")
	r.want("after it was cut", int64(4), int64(3), int64(2))
	write(t, r.path, "{\"n\":55}\n{\"n\":6}\n")
	r.want("overwritten by more", int64(6), int64(55), int64(4))
	write(t, r.path+".new", "{\"n\":55}\n{\"n\":6}\n{\"n\":7}\n")
	if err := os.Rename(r.path+".new", r.path); err != nil {
		t.Fatal(err)
	}
	r.want("written anew with one row more, which is not three", int64(7), int64(6), int64(55))
	write(t, r.path, "no\nno\n")
	r.want("replaced by what has no rows", int64(7), int64(6), int64(55))
}

// TestFileTailCutAndReplaced has both happen between two polls, as some programs rotate their logs.
func TestFileTailCutAndReplaced(t *testing.T) {
	t.Parallel()
	r := newTailRig(t, "a.ndjson")
	r.append("{\"n\":1}\n{\"n\":2}\n")
	r.want("first", int64(2), int64(1))
	if err := errors.Join(os.Truncate(r.path, 0), os.Rename(r.path, r.path+".1")); err != nil {
		t.Fatal(err)
	}
	r.append("{\"n\":3}\n")
	r.want("cut and replaced", int64(3), int64(2), int64(1))
}

// TestFileTailWrong wants a file without any row to be an error.
func TestFileTailWrong(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"no\nno\n":                        `has a line "no" that is no row`,
		"\xff\xfe{\x00":                   "is UTF-16",
		strings.Repeat("x", maxLine) + "": "begins with a line of more than 1048576 bytes",
	} {
		r := newTailRig(t, "a.ndjson")
		r.append(text)
		if _, err := r.f.Poll(t.Context(), Query{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Poll = %v; want an error with %q", err, want)
		}
		if err := os.Remove(r.path); err != nil {
			t.Fatal(err)
		}
		r.append("{\"n\":1}\n")
		r.want("another file", int64(1))
	}
}
