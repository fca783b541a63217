//go:build unix

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pulsewall/pulsewall/cluster/barehop"
	"github.com/pulsewall/pulsewall/cluster/member"
)

// clusterCommand measures the way from one node to a client of another. What is measured and what it is compared with are sent
// in turn, as often and as large, since a machine is not the same from one moment to the next.
type clusterCommand struct {
	Rounds   int    `help:"Rounds of each kind." default:"10"`
	Messages int    `help:"What is sent in each round." default:"300"`
	Rate     int    `help:"How many messages are sent a second." default:"100"`
	Size     int    `help:"Bytes of data in each message." default:"200"`
	Feeds    int    `help:"Feeds that are polled once a second each for the rounds of readings; 0 leaves them out." default:"40"`
	Members  int    `help:"Hazelcast members, 1 or 2." default:"2" enum:"1,2"`
	Config   string `help:"Configuration of the members; none: their defaults." placeholder:"FILE"`
	Binary   string `help:"The pulsewall to measure; none: one built from the source." placeholder:"FILE"`
}

// Bounds of the flags: what a machine can do in some minutes, and what a node takes from one sender.
const (
	mostRounds   = 1000
	mostMessages = 100_000
	mostRate     = 900
	mostSize     = 8000
	mostFeeds    = 50
)

func (c clusterCommand) check() error {
	return within(
		bound{"rounds", c.Rounds, 1, mostRounds}, bound{"messages", c.Messages, 10, mostMessages},
		bound{"rate", c.Rate, 1, mostRate}, bound{"size", c.Size, 8, mostSize}, bound{"feeds", c.Feeds, 0, mostFeeds},
	)
}

// bound is what a flag may be.
type bound struct {
	flag        string
	value       int
	least, most int
}

func within(bounds ...bound) error {
	for _, b := range bounds {
		if b.value < b.least || b.value > b.most {
			return fmt.Errorf("--%s %d: want %d to %d", b.flag, b.value, b.least, b.most)
		}
	}
	return nil
}

// Run starts everything, measures, and prints the table.
func (c clusterCommand) Run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "starting %d members and 2 nodes\n", c.Members)
	w, err := openWorkshop(ctx, c.Binary)
	if err != nil {
		return err
	}
	defer w.close(&err)
	addresses, end, err := c.startMembers(ctx)
	if err != nil {
		return err
	}
	defer end()
	bare, err := barehop.Open(ctx, clusterName, c.Messages, addresses...)
	if err != nil {
		return err
	}
	defer bare.Close(context.WithoutCancel(ctx))
	config, err := writeFeeds(w.dir, c.Feeds)
	if err != nil {
		return err
	}
	nodes, stop, err := startNodes(ctx, 2, w.binary, "--config", config,
		"--cluster", "hazelcast://"+strings.Join(addresses, ",")+"/"+clusterName)
	if err != nil {
		return err
	}
	defer stop()
	b := hopBench{clusterCommand: c, bare: bare, from: nodes[0], to: nodes[1], progress: stderr}
	return b.run(ctx, stdout)
}

const clusterName = "pulsebench"

// startMembers returns the members' addresses and what ends them.
func (c clusterCommand) startMembers(ctx context.Context) (addresses []string, end func(), err error) {
	o := member.Options{Cluster: clusterName}
	if c.Config != "" {
		if o.Config, err = os.ReadFile(c.Config); err != nil {
			return nil, nil, err
		}
	}
	var members []*member.Member
	if c.Members == 1 {
		one, err := member.Start(ctx, o)
		if err != nil {
			return nil, nil, err
		}
		members = append(members, one)
	} else if members, err = member.StartPair(ctx, o); err != nil {
		return nil, nil, err
	}
	for _, m := range members {
		addresses = append(addresses, m.Addr())
	}
	return addresses, func() {
		for _, m := range members {
			m.Close()
		}
	}, nil
}
