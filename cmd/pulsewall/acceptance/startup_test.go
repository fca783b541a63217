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

// TestStartup asks for a page from the moment the program is started. The page has all its panels, with readings or loading.
func TestStartup(t *testing.T) {
	t.Parallel()
	times := 1
	if isLong() {
		times = 9
	}
	var took []time.Duration
	for range times {
		began := time.Now()
		p := start(t, freeAddress(t), nil, "--log-level", "warn")
		if len(took) == 0 {
			began = time.Now() // it had to be built first
		}
		page := p.firstPage()
		took = append(took, time.Since(began))
		if n := strings.Count(page, "<section class=\"panel"); n < 2 {
			t.Errorf("the first page has %d panels:\n%s", n, page)
		}
		p.kill()
	}
	slices.Sort(took)
	median := took[len(took)/2]
	if isLong() && median > soonServed {
		t.Errorf("the first page is there after %v; want %v", took, soonServed)
	}
	t.Logf("the first page is there after %v (median of %d)", median.Round(time.Millisecond), times)
}

// firstPage asks again and again until the program answers.
func (p *process) firstPage() string {
	p.t.Helper()
	late := time.Now().Add(time.Minute)
	for {
		resp, err := http.Get(p.URL + "/d/overview")
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
