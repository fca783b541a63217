package feeds

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

const recording = `date,station,t
2020-01-01,a,1
2020-01-01,b,10
2020-01-02,a,2
2020-01-04,b,20
2020-01-03,a,3
`

// TestFileReplay plays four days in four minutes: a day is a minute.
func TestFileReplay(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	write(t, path, recording)
	synctest.Test(t, func(t *testing.T) {
		o := FileOptions{Path: path, Replay: &ReplayOptions{Time: "date", ID: "station", Speed: 1440}}
		one, other := newTestFile(t, o), newTestFile(t, o)
		if d := one.Describe(); d.ID != "station" || d.Time != "date" || !strings.Contains(d.Origin, "replayed") {
			t.Errorf("Describe = %+v; want id, time, and that it is a recording", d)
		}
		time.Sleep(time.Until(time.Now().Truncate(4 * time.Minute).Add(4 * time.Minute))) // the beginning of a round
		began := time.Now()
		for _, tt := range []struct {
			after time.Duration
			want  string
		}{
			{0, "a 1 0s 2020-01-01, b 10 0s 2020-01-01"},
			{59 * time.Second, "a 1 0s 2020-01-01, b 10 0s 2020-01-01"},
			{time.Minute, "a 2 1m0s 2020-01-02, b 10 0s 2020-01-01"},
			{150 * time.Second, "a 3 2m0s 2020-01-03, b 10 0s 2020-01-01"},
			{3 * time.Minute, "a 3 2m0s 2020-01-03, b 20 3m0s 2020-01-04"},
			{4 * time.Minute, "a 1 4m0s 2020-01-01, b 10 4m0s 2020-01-01"},
			{5 * time.Minute, "a 2 5m0s 2020-01-02, b 10 4m0s 2020-01-01"},
		} {
			time.Sleep(time.Until(began.Add(tt.after)))
			res, err := one.Poll(t.Context(), Query{})
			same, _ := other.Poll(t.Context(), Query{})
			if diff := cmp.Diff(res, same); err != nil || diff != "" {
				t.Fatalf("after %s: %v; another node shows\n%s", tt.after, err, diff)
			}
			var got []string
			for _, r := range res.Records {
				at, _ := parseTime(r["date"])
				got = append(got, fmt.Sprint(r["station"], " ", r["t"], " ", at.Sub(began), " ", r["recorded"]))
				if r["replayed"] != true {
					t.Errorf("%v is not marked as replayed", r)
				}
			}
			if s := strings.Join(got, ", "); s != tt.want {
				t.Errorf("after %s: %s; want %s", tt.after, s, tt.want)
			}
		}
	})
}

// TestFileReplayRows plays rows, of which the newest are shown, over the end of a round.
func TestFileReplayRows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.ndjson")
	write(t, path, "{\"at\":1000,\"n\":1}\n{\"at\":1001,\"n\":2}\n{\"at\":1002,\"n\":3}\n")
	synctest.Test(t, func(t *testing.T) {
		f := newTestFile(t, FileOptions{Path: path, Replay: &ReplayOptions{Time: "at", Rows: 2}})
		time.Sleep(time.Until(time.Now().Truncate(3 * time.Second).Add(3 * time.Second)))
		for i, want := range []string{"[1 3]", "[2 1]", "[3 2]", "[1 3]"} {
			res, err := f.Poll(t.Context(), Query{})
			var got []any
			for _, r := range res.Records {
				got = append(got, r["n"])
			}
			if fmt.Sprint(got) != want || err != nil {
				t.Errorf("second %d: %v, %v; want %s", i, got, err, want)
			}
			time.Sleep(time.Second)
		}
	})
}

func TestFileReplayWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, tt := range map[string]struct{ text, want string }{
		"none.csv": {"date,station\n", "no rows to replay"},
		"same.csv": {"date,station\n2020-01-01,a\n2020-01-01,b\n", "the same date in all rows"},
		"time.csv": {"date,station\n2020-01-01,a\nsoon,b\n", `no time in date of row 2: "soon"`},
		"id.csv":   {"date,station\n2020-01-01,\n", "no station in row 1"},
		"fast.csv": {"date,station\n1577836800,a\n1577836801,b\n", "would be replayed in 0.02 s"},
		"slow.csv": {"date,station\n1900-01-01,a\n2020-01-01,b\n", "would be replayed in"},
	} {
		path := filepath.Join(dir, name)
		write(t, path, tt.text)
		speed := 100.0
		if name == "slow.csv" {
			speed = 1e-9
		}
		f := newTestFile(t, FileOptions{Path: path, Replay: &ReplayOptions{Time: "date", ID: "station", Speed: speed}})
		if _, err := f.Poll(t.Context(), Query{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Poll = %v; want an error with %q", name, err, tt.want)
		}
	}
}
