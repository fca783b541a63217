// Package acceptance sees the whole program as its users do: by real browsers, curl and plain sockets, over networks that
// fail. A missing tool is a failure that says how to get it.
package acceptance

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// sideBySide is how many tests run at the same time: they wait for clocks and networks, so the count of processors says nothing.
const sideBySide = "6"

func TestMain(m *testing.M) {
	if settings := os.Getenv(nodeVariable); settings != "" {
		if err := runNode(settings); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	flag.Parse()
	if err := flag.Set("test.parallel", sideBySide); err != nil {
		panic(err)
	}
	code := m.Run()
	closeBrowser()
	if program.dir != "" {
		_ = os.RemoveAll(program.dir)
	}
	os.Exit(code)
}

// program is the binary that users run, built when a test first needs it.
var program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

func build(t *testing.T) string {
	t.Helper()
	program.once.Do(func() {
		if program.dir, program.err = os.MkdirTemp("", "pulsewall-acceptance-"); program.err != nil {
			return
		}
		program.path = filepath.Join(program.dir, "pulsewall")
		out, err := exec.Command("go", "build", "-o", program.path, "github.com/pulsewall/pulsewall/cmd/pulsewall").CombinedOutput()
		if err != nil {
			program.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if program.err != nil {
		t.Fatal(program.err)
	}
	return program.path
}

// tool returns the path of a program that tests run.
func tool(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is missing: apt-get install --no-install-recommends %s", name, debianPackage)
	}
	return path
}

// unhurried is a limit as it is judged: with PULSEWALL_LONG as it stands, else two minutes at least, as a busy machine takes its time.
func unhurried(limit time.Duration) time.Duration {
	if isLong() {
		return limit
	}
	return max(limit, 2*time.Minute)
}

// eventually waits until check returns nil, within at most limit (unhurried), and returns how long that took.
func eventually(t *testing.T, limit time.Duration, check func() error) time.Duration {
	t.Helper()
	limit = unhurried(limit)
	start := time.Now()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := check()
		took := time.Since(start)
		if err == nil && took <= limit {
			return took
		}
		if took > limit {
			t.Fatalf("not within %v: %v", limit, err)
		}
		<-ticker.C
	}
}

// pass lets d go by, unless the test ends before. It is for spans that a requirement names, never to wait for something.
func pass(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
		t.Fatal(context.Cause(t.Context()))
	}
}

// freePort is the last port that freeAddress gave. They lie below those that systems give to connections and to listeners without a
// wish, and below those of members: such a port may be somebody else's before its program has started, or has started again.
var freePort atomic.Int32

func init() { freePort.Store(int32(12_000 + os.Getpid()%7_000)) }

// freeAddress is an address of this machine that nobody listens on, for programs that start again on the same one. It is given once.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprint("127.0.0.1:", freePort.Add(1))
		if l, err := net.Listen("tcp", address); err == nil {
			_ = l.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}
