package history

import (
	"bufio"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// writerVariable makes the test program one that writes into a directory until it is killed.
const writerVariable = "PULSEWALL_TEST_WRITER"

// series are what each moment of the writer has, all of the same value.
var series = []string{"a", "b", "c"}

// writeUntilKilled writes moments of 10 s, a message each, tells each that Flush has acknowledged, and folds now and then.
func writeUntilKilled(dir string) {
	begin := noon
	if len(os.Args) > 1 {
		n, _ := strconv.Atoi(os.Args[len(os.Args)-1])
		begin = noon.Add(time.Duration(n) * 10 * time.Second)
	}
	now := begin
	s, err := Open(dir, Options{Now: func() time.Time { return now }, Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, _, _, err = s.Log("epoch")
	}
	for i := 0; err == nil; i++ {
		n := float64(now.Sub(noon) / (10 * time.Second))
		for f := range 20 {
			s.Add(fmt.Sprint("feed", f), now, map[string]float64{series[0]: n, series[1]: n, series[2]: n})
		}
		if err = s.KeepMessages([]Message{message(int64(n)+1, i*100)}); err == nil {
			err = s.Flush()
		}
		if err == nil {
			fmt.Println("written", n)
		}
		if i%7 == 6 {
			s.folded = time.Time{}
			err = s.tidy()
		}
		now = now.Add(10 * time.Second)
	}
	fmt.Println(err)
	os.Exit(1)
}

// TestKill kills a process that writes, again and again at any moment: the file opens, all that was acknowledged is there, and of each
// moment either all or nothing. 50 times with PULSEWALL_LONG.
func TestKill(t *testing.T) {
	t.Parallel()
	rounds := 5
	if os.Getenv("PULSEWALL_LONG") != "" {
		rounds = 50
	}
	dir := t.TempDir()
	acknowledged := -1
	for round := range rounds {
		last := writeAndKill(t, dir, acknowledged+1)
		if last <= acknowledged {
			t.Fatalf("round %d: the writer acknowledged %d; want more than %d", round, last, acknowledged)
		}
		acknowledged = checkMoments(t, dir, last)
	}
	t.Logf("%d moments, %d kills", acknowledged+1, rounds)
}

// writeAndKill has a process write from moment n on, kills it after some time, and returns the last moment that it acknowledged.
func writeAndKill(t *testing.T, dir string, n int) (last int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], strconv.Itoa(n)) // #nosec G204 -- itself
	cmd.Env = append(os.Environ(), writerVariable+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	defer func() { _ = cmd.Wait() }() // it was killed
	most := 1 + rand.IntN(40)
	last = n - 1
	lines := bufio.NewScanner(out)
	for seen := 0; lines.Scan(); seen++ {
		text, ok := strings.CutPrefix(lines.Text(), "written ")
		if !ok {
			t.Fatalf("the writer says %q", lines.Text())
		}
		v, err := strconv.ParseFloat(text, 64)
		must(t, err)
		last = int(v)
		if seen == most {
			time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
		}
	}
	return last
}

// checkMoments reads all moments up to the last that was acknowledged, or one more, and returns the last one that is there.
func checkMoments(t *testing.T, dir string, acknowledged int) (last int) {
	t.Helper()
	now := noon.Add(time.Duration(acknowledged+2) * 10 * time.Second)
	s := open(t, dir, &now, 0)
	defer s.Close()
	if _, newest, list := readLog(t, s, ""); newest != int64(acknowledged)+1 && newest != int64(acknowledged)+2 || len(list) != int(newest) {
		t.Fatalf("%d messages up to %d; want the %d that were acknowledged, or one more", len(list), newest, acknowledged+1)
	}
	for f := range 20 {
		got := ask(t, s, fmt.Sprint("feed", f), noon, now, 10*time.Second)
		cells := got[series[0]]
		if n := len(cells); n != acknowledged+1 && n != acknowledged+2 || f > 0 && n != last+1 {
			t.Fatalf("feed %d has %d moments; want the %d that were acknowledged, or one more, as all feeds have", f, n, acknowledged+1)
		}
		last = len(cells) - 1
		for _, name := range series {
			if len(got[name]) != len(cells) {
				t.Fatalf("series %s has %d moments, %s %d: half a point", name, len(got[name]), series[0], len(cells))
			}
			for i, c := range got[name] {
				want := noon.Add(time.Duration(i) * 10 * time.Second).UnixMilli()
				if c.At != want || c.Count != 1 || math.Abs(c.Max-float64(i)) > 0 || c.Min != c.Max {
					t.Fatalf("moment %d is %+v; want the value %d once", i, c, i)
				}
			}
		}
	}
	return last
}
