//go:build unix

// Command hazelcast starts one Hazelcast member on loopback and runs it until it is interrupted.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/pulsewall/pulsewall/cluster/member"
)

func main() {
	port := flag.Int("port", 5701, "where it listens on 127.0.0.1; 0: a free port")
	peers := flag.String("peers", "", "the other members, host:port,host:port")
	name := flag.String("cluster", "pulsewall", "the name of the cluster")
	config := flag.String("config", "deploy/hazelcast.yaml", "its configuration; empty: a member's own defaults")
	verbose := flag.Bool("v", false, "show what the member prints")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o := member.Options{Cluster: *name, Port: *port}
	if *peers != "" {
		o.Peers = strings.Split(*peers, ",")
	}
	if *verbose {
		o.Log = os.Stderr
	}
	if err := run(ctx, o, *config); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o member.Options, config string) (err error) {
	if config != "" {
		if o.Config, err = os.ReadFile(config); err != nil { // #nosec G304 -- the user's
			return err
		}
	}
	m, err := member.Start(ctx, o)
	if err != nil {
		return err
	}
	defer m.Close()
	fmt.Printf("hazelcast://%s/%s\n", m.Addr(), o.Cluster)
	ended := make(chan struct{})
	go func() { m.Wait(); close(ended) }() // ends with the member
	select {
	case <-ctx.Done():
		return nil
	case <-ended:
		return fmt.Errorf("member %s ended", m.Addr())
	}
}
