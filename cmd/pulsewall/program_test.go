package main

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"

	"testing"
	"time"
)

// binary is the program as go build makes it, for tests that need a process.
var binary string

func TestMain(m *testing.M) {
	os.Exit(buildAndRun(m))
}

func buildAndRun(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pulsewall")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "pulsewall")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// logged collects what a program writes and tells when a pattern has appeared in it.
type logged struct {
	mu    sync.Mutex
	text  bytes.Buffer  // guarded by mu
	wrote chan struct{} // size 1: something new is there
}

func newLogged() *logged { return &logged{wrote: make(chan struct{}, 1)} }

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.wrote <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns what the first group of pattern matches, once it does.
func (l *logged) wait(t *testing.T, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	deadline := time.After(patience)
	for {
		if found := re.FindStringSubmatch(l.String()); found != nil {
			return found[len(found)-1]
		}
		select {
		case <-l.wrote:
		case <-deadline:
			t.Fatalf("no %q in time in:\n%s", pattern, l)
		}
	}
}

// patience is how long a busy machine may take for what is soon elsewhere.
const patience = time.Minute

// endsWithin is how long the program may take to end: judged with PULSEWALL_LONG, as a busy machine spoils it.
func endsWithin() time.Duration {
	if os.Getenv("PULSEWALL_LONG") == "" {
		return 2 * patience
	}
	return 9 * time.Second
}

const listeningURL = `msg=listening url=(\S+)`

// program is one run of the whole program inside the test.
type program struct {
	url  string
	log  *logged
	stop context.CancelFunc // as SIGTERM does
	code chan int
}

// launch runs the program on a free port of loopback until the test ends.
func launch(t *testing.T, args ...string) *program {
	t.Helper()
	return launchIn(t, nil, args...)
}

// launchIn is launch with variables.
func launchIn(t *testing.T, env []string, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	p := &program{log: newLogged(), stop: cancel, code: make(chan int, 1)}
	go func() {
		p.code <- run(ctx, append([]string{"--listen", "127.0.0.1:0"}, args...), env, io.Discard, p.log)
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-p.code; code != 0 {
			t.Errorf("the program ended with %d:\n%s", code, p.log)
		}
	})
	p.url = p.log.wait(t, listeningURL)
	return p
}

// exit stops the program and returns its exit code and how long it took.
func (p *program) exit() (int, time.Duration) {
	began := time.Now()
	p.stop()
	code := <-p.code
	p.code <- code // for the cleanup
	return code, time.Since(began)
}

func get(t *testing.T, client *http.Client, url string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

// eventually tries until check succeeds.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %v", patience, err)
		}
	}
}
