//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/pulsewall/pulsewall/cluster/member"
)

// loadCommand counts what nodes ask of a Hazelcast member a second: idle, with feeds watched on one node and on all, with
// messages, with people who come and go, and with pollers.
type loadCommand struct {
	Nodes  int           `help:"How many nodes." default:"3"`
	Feeds  int           `help:"Feeds that are polled once a second each while they are watched." default:"20"`
	Rate   int           `help:"Messages, people who come, and polls a second, each in its turn." default:"50"`
	During time.Duration `help:"How long each is counted." default:"10s"`
	Settle time.Duration `help:"How long to wait before: for three intervals of a feed and the next reading of who is online." default:"6s"`
	Binary string        `help:"The pulsewall to measure; none: one built from the source." placeholder:"FILE"`
}

// countLate is how late the member tells its counts.
const countLate = 1500 * time.Millisecond

func (c loadCommand) check() error {
	return within(
		bound{"nodes", c.Nodes, 1, 20}, bound{"feeds", c.Feeds, 1, mostFeeds}, bound{"rate", c.Rate, 1, mostRate},
		bound{"during (seconds)", int(c.During / time.Second), 2, 600},
		bound{"settle (seconds)", int(c.Settle / time.Second), 0, 600},
	)
}

// Run starts everything, counts, and prints the table.
func (c loadCommand) Run(ctx context.Context, stdout, stderr io.Writer) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "starting a member and %d nodes\n", c.Nodes)
	w, err := openWorkshop(ctx, c.Binary)
	if err != nil {
		return err
	}
	defer w.close(&err)
	counter := newCallCounter()
	m, err := member.Start(ctx, member.Options{Cluster: clusterName, Config: []byte(counting), Log: counter})
	if err != nil {
		return err
	}
	defer m.Close()
	config, err := writeFeeds(w.dir, c.Feeds)
	if err != nil {
		return err
	}
	nodes, stop, err := startNodes(ctx, c.Nodes, w.binary, "--config", config, "--cluster", "hazelcast://"+m.Addr()+"/"+clusterName)
	if err != nil {
		return err
	}
	defer stop()
	l := load{loadCommand: c, nodes: nodes, counter: counter, progress: stderr, out: stdout}
	return l.run(ctx)
}

// load counts phase by phase.
type load struct {
	loadCommand
	nodes    []*node
	counter  *callCounter
	progress io.Writer
	out      io.Writer
}

func (l load) run(ctx context.Context) error {
	fmt.Fprintf(l.out, "| %d nodes, %d feeds, %d a second | calls/s | of which |\n| --- | --- | --- |\n", l.Nodes, l.Feeds, l.Rate)
	for _, phase := range []struct {
		name  string
		begin func(context.Context) (end func() error, err error)
	}{
		{"idle", func(context.Context) (func() error, error) { return func() error { return nil }, nil }},
		{"feeds watched on one node", func(ctx context.Context) (func() error, error) { return l.watch(ctx, l.nodes[:1]) }},
		{"feeds watched on all nodes", func(ctx context.Context) (func() error, error) { return l.watch(ctx, l.nodes) }},
		{"messages", l.post},
		{"people come, and go a second later", l.comeAndGo},
		{"polls", l.poll},
	} {
		fmt.Fprintln(l.progress, phase.name)
		end, err := phase.begin(ctx)
		if err == nil {
			var row string
			row, err = l.count(ctx, phase.name)
			if err = errors.Join(err, end()); err == nil { // what stopped on the way was not all counted
				_, err = io.WriteString(l.out, row)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

// count returns the row of one phase.
func (l load) count(ctx context.Context, name string) (row string, err error) {
	if err := sleep(ctx, l.Settle); err != nil {
		return "", err
	}
	before, begun := l.counter.now()
	if err := sleep(ctx, l.During+countLate); err != nil {
		return "", err
	}
	after, ended := l.counter.now()
	took := ended.Sub(begun).Seconds()
	if took <= 0 {
		return "", errors.New("the member counts nothing")
	}
	total, parts := after.since(before, took)
	return fmt.Sprintf("| %s | %.1f | %s |\n", name, total, parts), nil
}

// watch has a client on each of the nodes that watches all feeds. end tells whether one was cut off before.
func (l load) watch(ctx context.Context, nodes []*node) (end func() error, err error) {
	ctx, fail := context.WithCancelCause(ctx)
	var clients []*stream
	var watching sync.WaitGroup
	end = func() error {
		err := context.Cause(ctx)
		for _, client := range clients {
			client.close()
		}
		watching.Wait()
		fail(nil)
		return err
	}
	for _, n := range nodes {
		client, err := dial(n.addr, "")
		if err != nil {
			return nil, errors.Join(err, end())
		}
		clients = append(clients, client)
		watching.Go(func() { client.watch(fail, func(event) {}) })
	}
	if err := watchAll(ctx, l.Feeds, clients); err != nil {
		return nil, errors.Join(err, end())
	}
	return end, nil
}

// repeat calls do at the rate until stop is called, which waits for the last of them. A call that failed is the last, and what stop
// returns.
func (l load) repeat(ctx context.Context, do func() error) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var failed error
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(l.Rate))
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if failed = do(); failed != nil {
				return
			}
		}
	})
	return func() error {
		cancel()
		running.Wait()
		return failed
	}
}

func (l load) post(ctx context.Context) (end func() error, err error) {
	sender, err := newPoster(l.nodes[0].addr)
	if err != nil {
		return nil, err
	}
	body := []byte(`{"to":{"all":true},"data":"` + fmt.Sprintf("%0200d", 0) + `"}`)
	stop := l.repeat(ctx, func() error { return sender.post("/api/messages", body) })
	return func() error {
		defer sender.close()
		return stop()
	}, nil
}

// comeAndGo has users come, each for a second.
func (l load) comeAndGo(ctx context.Context) (end func() error, err error) {
	var here []*stream
	users := 0
	stop := l.repeat(ctx, func() error {
		users++
		client, err := dial(l.nodes[0].addr, fmt.Sprint("unionId=", users))
		if err != nil {
			return err
		}
		here = append(here, client)
		if len(here) > l.Rate {
			here[0].close()
			here = here[1:]
		}
		return nil
	})
	return func() error {
		err := stop()
		for _, client := range here {
			client.close()
		}
		return err
	}, nil
}

// poll has sessions poll one after the other, each on another node than before.
func (l load) poll(ctx context.Context) (end func() error, err error) {
	const sessions = 100
	polls := 0
	return l.repeat(ctx, func() error {
		polls++
		n := l.nodes[polls%len(l.nodes)]
		url := fmt.Sprintf("http://%s/live/poll?wait=0&session=bench%d&unionId=%d", n.addr, polls%sessions, polls%sessions+1)
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, answer.Body)
		return errors.Join(err, answer.Body.Close())
	}), nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
