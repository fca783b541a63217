package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// command is this program in a process of its own.
type command struct {
	cmd *exec.Cmd
	out *bufio.Scanner
	log bytes.Buffer
}

func start(t *testing.T, args ...string) *command {
	t.Helper()
	c := &command{cmd: exec.Command(program(t), args...)}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out, c.cmd.Stderr = bufio.NewScanner(out), &c.log
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill() // what it started goes with it
		_ = c.cmd.Wait()
		if t.Failed() {
			t.Logf("it printed:\n%s", &c.log)
		}
	})
	return c
}

// built is this program, and where it is.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

func program(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "pulsewall-cluster-test"); built.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-o", built.dir, ".").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "cluster")
}

// descendants are the processes that a process started, and those that they started.
func descendants(t *testing.T, of int) (list []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	children := make(map[int][]int)
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // ended in the meantime
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		children[parent] = append(children[parent], pid)
	}
	for todo := []int{of}; len(todo) > 0; todo = todo[1:] {
		list = append(list, children[todo[0]]...)
		todo = append(todo, children[todo[0]]...)
	}
	return list
}

// gone fails the test while one of the processes is there.
func gone(t *testing.T, list []int) {
	t.Helper()
	list = slices.Clone(list)
	for end := time.Now().Add(time.Minute); ; <-time.After(20 * time.Millisecond) {
		list = slices.DeleteFunc(list, func(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) })
		if len(list) == 0 {
			return
		}
		if time.Now().After(end) {
			for _, pid := range list {
				words, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
				t.Errorf("process %d is left: %s", pid, bytes.ReplaceAll(words, []byte{0}, []byte{' '}))
			}
			return
		}
	}
}

// TestCluster opens pages through the address that is printed, ends one node, and interrupts it all: nothing is left of it.
func TestCluster(t *testing.T) {
	c := start(t, "--listen", "127.0.0.1:0")
	var address string
	pids := make(map[string]int)
	for c.out.Scan() && !strings.Contains(c.out.Text(), "Ctrl-C") {
		words := strings.Fields(c.out.Text())
		if len(words) > 1 && words[1] == "nginx," {
			address = words[0]
		}
		if len(words) > 2 && words[len(words)-2] == "pid" {
			pids[words[0]+" "+words[1]], _ = strconv.Atoi(words[len(words)-1])
		}
	}
	if len(pids) != 5 {
		t.Fatalf("processes %v; want three nodes and two members", pids)
	}
	all := descendants(t, c.cmd.Process.Pid)
	if len(all) < 7 {
		t.Errorf("processes %v; want three nodes, two members, nginx and its workers", all)
	}
	seen := make(map[string]bool)
	for end := time.Now().Add(time.Minute); len(seen) < 3 && time.Now().Before(end); { // one that was slow has no turn for a second
		_, page := get(t, address+"/d/overview")
		for _, name := range []string{"a", "b", "c"} {
			if strings.Contains(page, "Served by "+name) {
				seen[name] = true
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("pages came from %v; want them from a, b and c in turn", seen)
	}
	if err := syscall.Kill(pids["node b"], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		if status, page := get(t, address+"/api/presence"); status != http.StatusOK {
			t.Errorf("after the end of node b: %d %s", status, page)
		}
	}
	p := struct{ Degraded bool }{true}
	for end := time.Now().Add(time.Minute); p.Degraded && time.Now().Before(end); { // a busy machine may leave one alone for a moment
		if _, body := get(t, address+"/api/presence"); json.Unmarshal([]byte(body), &p) != nil {
			t.Fatalf("presence %s", body)
		}
	}
	if p.Degraded {
		t.Error("presence is degraded")
	}
	if err := c.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Wait(); err != nil {
		t.Errorf("after an interrupt: %v", err)
	}
	gone(t, all)
}

// TestNodeFails has a program that is no node: the command says so, and nothing is left of it.
func TestNodeFails(t *testing.T) {
	c := start(t, "--members", "1", "--binary", "false")
	var all []int
	ended := make(chan error, 1)
	go func() { ended <- c.cmd.Wait() }()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-ended:
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(c.log.String(), "start node a: it ended: exit status 1") {
				t.Errorf("it ended with %v; want 1 and why", err)
			}
			gone(t, all)
			return
		case <-look.C:
			all = append(all, descendants(t, c.cmd.Process.Pid)...)
		}
	}
}

// TestFlags refuses what one machine cannot do.
func TestFlags(t *testing.T) {
	for _, f := range []flags{{Nodes: 0, Members: 1}, {Nodes: 27, Members: 1}, {Nodes: 1, Members: 0}, {Nodes: 1, Members: 6}} {
		if err := f.check(); err == nil {
			t.Errorf("%+v is allowed", f)
		}
	}
}

func get(t *testing.T, address string) (int, string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}
