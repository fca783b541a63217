//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/pulsewall/pulsewall/cluster/member"
	"github.com/pulsewall/pulsewall/deploy"
	"github.com/pulsewall/pulsewall/deploy/balancer"
)

// site is all that was started. One goroutine uses it.
type site struct {
	log     *lines
	dir     string // of the program that was built
	members []*member.Member
	nodes   []*node
	front   *balancer.Balancer

	ended    chan ending // told by watchers
	watchers sync.WaitGroup
}

// ending is a process that is gone.
type ending struct {
	what string
	how  string
	node bool
}

// start starts members, nodes and nginx, one kind after the other. What has been started is the site's also after an error.
func (s *site) start(ctx context.Context, f flags) error {
	if _, err := balancer.Program(balancer.Nginx); err != nil { // before the long part
		return err
	}
	program := f.Binary
	if program == "" {
		s.log.print("cluster", "building pulsewall")
		var err error
		if program, err = s.build(ctx); err != nil {
			return err
		}
	}
	s.log.print("cluster", fmt.Sprintf("starting %d Hazelcast members and %d nodes", f.Members, f.Nodes))
	if err := s.startMembers(ctx, f.Members); err != nil {
		return err
	}
	if err := s.startNodes(ctx, program, f.Nodes); err != nil {
		return err
	}
	return s.startFront(ctx, f.Listen)
}

// build makes the program from the module that this command is part of.
func (s *site) build(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "pulsewall-cluster")
	if err != nil {
		return "", err
	}
	s.dir = dir
	program := filepath.Join(dir, "pulsewall")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", program, "github.com/pulsewall/pulsewall/cmd/pulsewall").CombinedOutput() // #nosec G204
	if err != nil {
		return "", fmt.Errorf("go build: %w; run this in a checkout, or name a program with --binary\n%s", err, out)
	}
	return program, nil
}

// startMembers starts one after the other, which is quicker than all at once.
func (s *site) startMembers(ctx context.Context, n int) error {
	ports, err := member.FreePorts(n)
	if err != nil {
		return err
	}
	for i, port := range ports {
		o := member.Options{Port: port, Config: deploy.Hazelcast}
		for _, other := range slices.Delete(slices.Clone(ports), i, i+1) {
			o.Peers = append(o.Peers, fmt.Sprint("127.0.0.1:", other))
		}
		m, err := member.Start(ctx, o)
		if err != nil {
			return err
		}
		s.members = append(s.members, m)
	}
	return nil
}

func (s *site) startNodes(ctx context.Context, program string, n int) error {
	var addresses []string
	for _, m := range s.members {
		addresses = append(addresses, m.Addr())
	}
	for i := range n {
		one, err := startNode(ctx, program, string(rune('a'+i)), cluster(addresses), s.log)
		if err != nil {
			return err
		}
		s.nodes = append(s.nodes, one)
	}
	for _, one := range s.nodes {
		if err := one.joined(ctx); err != nil {
			return err
		}
	}
	return nil
}

// usual is where nginx listens when nothing else is asked for and nobody else is there.
const usual = "127.0.0.1:8080"

func (s *site) startFront(ctx context.Context, listen string) (err error) {
	o := balancer.Options{Kind: balancer.Nginx, Listen: listen, Log: s.log.of("nginx", nil)}
	for _, n := range s.nodes {
		o.Nodes = append(o.Nodes, n.host)
	}
	if listen == "" {
		o.Listen = usual
	}
	s.front, err = balancer.Start(ctx, o)
	if listen == "" && errors.Is(err, syscall.EADDRINUSE) {
		o.Listen = ""
		s.front, err = balancer.Start(ctx, o)
	}
	return err
}

// describe says where everything is.
func (s *site) describe(out io.Writer) {
	fmt.Fprintf(out, "\nhttp://%s  nginx, which gives every request to another node\n\n", s.front.Addr())
	for _, n := range s.nodes {
		fmt.Fprintf(out, "  node %s    http://%s  pid %d\n", n.name, n.host, n.cmd.Process.Pid)
	}
	for i, m := range s.members {
		fmt.Fprintf(out, "  member %d  %s  pid %d\n", i+1, m.Addr(), m.PID())
	}
	fmt.Fprintf(out, "\nCtrl-C ends all of it.\n\n")
}

// follow goes on until ctx ends, nginx is gone or no node is left. Any other that ends is worth a line: it may be meant.
func (s *site) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer s.watchers.Wait()
	defer cancel()
	for _, n := range s.nodes {
		s.watch(ctx, n.ended, func() ending { return ending{"node " + n.name, n.how(), true} })
	}
	for i, m := range s.members {
		s.watch(ctx, m.Done(), func() ending { return ending{what: fmt.Sprint("member ", i+1), how: "the process is gone"} })
	}
	left := len(s.nodes)
	for {
		select {
		case <-ctx.Done():
			s.log.print("cluster", "stopping")
			return nil
		case <-s.front.Done():
			return errors.New("nginx ended")
		case e := <-s.ended:
			s.log.print("cluster", e.what+" ended: "+e.how)
			if e.node {
				left--
			}
			if left == 0 {
				return errors.New("no node is left")
			}
		}
	}
}

// watch tells follow when a process has ended.
func (s *site) watch(ctx context.Context, done <-chan struct{}, how func() ending) {
	s.watchers.Go(func() {
		select {
		case <-ctx.Done():
			return
		case <-done:
		}
		select {
		case <-ctx.Done():
		case s.ended <- how():
		}
	})
}

// stop ends everything that was started: the nodes first, which say goodbye to their clients through nginx, then the rest.
func (s *site) stop() error {
	ends := make([]error, len(s.nodes))
	var stopping sync.WaitGroup
	for i, n := range s.nodes {
		stopping.Go(func() { ends[i] = n.stop() })
	}
	stopping.Wait()
	if s.front != nil {
		s.front.Close()
	}
	for _, m := range s.members {
		m.Close()
	}
	if s.dir != "" {
		ends = append(ends, os.RemoveAll(s.dir))
	}
	return errors.Join(ends...)
}
