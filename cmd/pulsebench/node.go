//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

const (
	// joinWithin is how long nodes may take to see each other.
	joinWithin = 30 * time.Second
	// stopWithin is how long a node may take to end before it is killed.
	stopWithin = 15 * time.Second
)

// node is a pulsewall of its own process.
type node struct {
	addr    string
	cmd     *exec.Cmd
	printed bytes.Buffer // to be read after the end
}

// ownAddress stands in flags for the address of the node that is started.
const ownAddress = "{address}"

// startNode starts the program on a free port. The caller must stop it.
func startNode(binary string, flags ...string) (*node, error) {
	ports, err := member.FreePorts(1)
	if err != nil {
		return nil, err
	}
	n := &node{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))}
	for i := range flags {
		flags[i] = strings.ReplaceAll(flags[i], ownAddress, n.addr)
	}
	n.cmd = exec.Command(binary, append([]string{"--listen", n.addr}, flags...)...) // #nosec G204 -- the user's, or ours
	n.cmd.Stdout, n.cmd.Stderr = &n.printed, &n.printed
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a node: %w", err)
	}
	return n, nil
}

// stop ends the process and waits for it.
func (n *node) stop() {
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(stopWithin, func() { _ = n.cmd.Process.Signal(os.Kill) })
	_ = n.cmd.Wait()
	late.Stop()
}

// joined waits until the node sees as many, itself included, and is not alone.
func (n *node) joined(ctx context.Context, nodes int) error {
	ctx, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	for {
		var seen struct {
			Nodes    []string
			Degraded bool
		}
		err := n.get(ctx, "/api/presence", &seen)
		if err == nil && len(seen.Nodes) == nodes && !seen.Degraded {
			return nil
		}
		again := time.NewTimer(50 * time.Millisecond)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return fmt.Errorf("node %s sees %v, degraded %v (%w); want %d nodes", n.addr, seen.Nodes, seen.Degraded, err, nodes)
		}
	}
}

func (n *node) get(ctx context.Context, path string, into any) error {
	page, err := n.text(ctx, path)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(page), into)
}

// text is what the node answers to a GET.
func (n *node) text(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.addr+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	return string(page), err
}

// startNodes starts nodes and waits until they see each other. stop ends them all.
func startNodes(ctx context.Context, count int, binary string, flags ...string) (nodes []*node, stop func(), err error) {
	stop = func() {
		var stopping sync.WaitGroup
		for _, n := range nodes {
			stopping.Go(n.stop)
		}
		stopping.Wait()
	}
	for i := range count {
		n, err := startNode(binary, append(slices.Clone(flags), "--node", fmt.Sprint("node-", i+1))...)
		if err != nil {
			stop()
			return nil, nil, err
		}
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		if err := n.joined(ctx, count); err != nil {
			stop()
			return nil, nil, fmt.Errorf("%w\n%s", err, n.printed.String()) // after its end
		}
	}
	return nodes, stop, nil
}

// writeFeeds writes a configuration with feeds that are polled once a second: simulations, each another.
func writeFeeds(dir string, count int) (file string, err error) {
	var b strings.Builder
	b.WriteString("log: { level: warn }\n")
	if count > 0 {
		b.WriteString("feeds:\n")
	}
	for i := range count {
		fmt.Fprintf(&b, "  - { name: %s, kind: stocks, seed: %d, interval: 1s }\n", feedName(i), i+1)
	}
	file = filepath.Join(dir, "wall.yaml")
	return file, os.WriteFile(file, []byte(b.String()), 0o600)
}

func feedName(i int) string { return fmt.Sprintf("bench-%d", i+1) }
