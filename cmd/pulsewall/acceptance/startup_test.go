package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// soonServed is how soon after its start the program has answered with its first page.
const soonServed = 150 * time.Millisecond

// TestStartup asks for a page from the moment the program is started, and gets it with all its panels. That of this machine takes a
// quarter of a second longer: so long a processor is looked at to say how busy it is.
func TestStartup(t *testing.T) {
	t.Parallel()
	build(t)
	times := 1
	if isLong() {
		times = 9
	}
	for _, path := range []string{"/d/sensors", "/d/stocks", "/d/overview"} {
		var took []time.Duration
		for range times {
			began := time.Now()
			p := start(t, freeAddress(t), nil, "--log-level", "warn")
			page := p.firstPage(path)
			took = append(took, time.Since(began))
			if !strings.Contains(page, "<section class=\"panel") {
				t.Errorf("the first page has no panels:\n%s", page)
			}
			p.kill()
		}
		slices.Sort(took)
		median := took[len(took)/2]
		if isLong() && median > soonServed {
			t.Errorf("%s is there after %v; want %v", path, took, soonServed)
		}
		t.Logf("%s is there after %v (median of %d)", path, median.Round(time.Millisecond), times)
	}
}

// firstPage asks again and again until the program answers.
func (p *process) firstPage(path string) string {
	p.t.Helper()
	late := time.Now().Add(unhurried(time.Minute))
	for {
		resp, err := http.Get(p.URL + path)
		if err == nil {
			defer resp.Body.Close()
			page, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusOK {
				p.t.Fatalf("%s: %v", resp.Status, err)
			}
			return string(page)
		}
		if time.Now().After(late) {
			p.t.Fatal(err)
		}
		again := time.NewTimer(time.Millisecond)
		<-again.C
	}
}

// cpu is the processor time that the program has taken so far.
func (p *process) cpu() time.Duration {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(rest) // from its state on
	var user, system int64
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond // the kernel tells hundredths
}
