//go:build unix

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pulsewall/pulsewall/deploy/balancer"
)

const (
	// startWithin is how long a node may take to listen, joinWithin until it is one of the cluster.
	startWithin = 20 * time.Second
	joinWithin  = 60 * time.Second
	// endWithin is how long it may take to end when told to: it lets go of its clients within 10 s.
	endWithin = 12 * time.Second
)

// node is a pulsewall in a process of its own.
type node struct {
	name  string
	host  string // host:port where it listens
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	err   error         // why; for whoever has seen ended
}

// listening is what a node logs when it has opened its address.
var listening = regexp.MustCompile(`msg=listening url=http://(\S+)`)

// startNode starts the program as a node and waits until it listens.
func startNode(ctx context.Context, program, name, members string, log *lines) (*node, error) {
	n := &node{name: name, ended: make(chan struct{})}
	n.cmd = exec.Command(program, "--listen", "127.0.0.1:0", "--node", name, "--cluster", members, // #nosec G204 -- the user's
		"--trusted-proxy", "127.0.0.1", "--log-format", "text")
	opened := make(chan string, 1)
	var once sync.Once
	out := log.of("node "+name, func(line string) {
		if found := listening.FindStringSubmatch(line); found != nil {
			once.Do(func() { opened <- found[1] })
		}
	})
	n.cmd.Stdout, n.cmd.Stderr, n.cmd.SysProcAttr = out, out, balancer.Apart()
	if err := n.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start node %s: %w", name, err)
	}
	go func() { // ends with the process, whose end stop waits for
		defer close(n.ended)
		n.err = n.cmd.Wait()
	}()
	late := time.NewTimer(startWithin)
	defer late.Stop()
	select {
	case n.host = <-opened:
		return n, nil
	case <-n.ended:
		return nil, fmt.Errorf("start node %s: it ended: %s", name, n.how())
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), n.stop())
	case <-late.C:
		return nil, errors.Join(fmt.Errorf("start node %s: it does not listen after %v", name, startWithin), n.stop())
	}
}

// how says how the process has ended.
func (n *node) how() string {
	if n.err == nil {
		return "exit status 0"
	}
	return n.err.Error()
}

// joined waits until the node is ready and one of the cluster.
func (n *node) joined(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, joinWithin, fmt.Errorf("node %s is not one of the cluster after %v", n.name, joinWithin))
	defer cancel()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for {
		if n.isJoined(ctx) {
			return nil
		}
		select {
		case <-again.C:
		case <-n.ended:
			return fmt.Errorf("node %s ended: %s", n.name, n.how())
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (n *node) isJoined(ctx context.Context) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.host+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	ready := struct{ Degraded bool }{true}
	return json.NewDecoder(resp.Body).Decode(&ready) == nil && resp.StatusCode == http.StatusOK && !ready.Degraded
}

// stop has the node let go of its clients and returns when it is gone. What ended before has nothing to say.
func (n *node) stop() error {
	select {
	case <-n.ended:
		return nil
	default:
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(endWithin, func() { _ = n.cmd.Process.Kill() })
	<-n.ended
	if !late.Stop() {
		return fmt.Errorf("node %s did not end within %v and was killed", n.name, endWithin)
	}
	return nil
}

// cluster is the --cluster of nodes.
func cluster(members []string) string {
	return "hazelcast://" + strings.Join(members, ",") + "/pulsewall"
}
